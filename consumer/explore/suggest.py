"""Writes a model file for a sample of events. Pure."""

import json
import re
from collections import Counter
from collections.abc import Sequence

from consumer.decode import SKIPPED, UNLABELLED, Record, Rejected
from consumer.decode.event import parse_object
from consumer.decode.mapping import Mapping as EventMapping
from consumer.decode.mapping import ModelFileError, read_model
from consumer.decode.mapping.model_file import MAX_FIELDS
from consumer.decode.wilkinson.coding import MAX_COLUMNS
from consumer.explore.guess import Event, guessed, labels, observed_in, of_formula, that_have
from consumer.explore.members import Scalar, members
from consumer.explore.observed import Observed
from contract.messages import RESERVED

RARE = 3
"""A level of the formula that fewer events have counts as `other`."""

_KIND_NAMES = ("event", "event_name", "event_type", "type", "eventName", "eventType", "name")
_HEADERS = re.compile(r"@header\.ce_(type|source|subject)")


def suggest(records: Sequence[Record], formula: str | None = None) -> str:
    """The text of a model file, with what becomes of the sample by it.

    Args:
        records: The sample.
        formula: The formula to check; None: one is chosen.

    Raises:
        ValueError: The sample has no event, or none with a number.
        ModelFileError: The formula does not go with the fields.
    """
    events = [event for record in records if (event := _members(record)) is not None]
    if not events:
        raise ValueError(f"none of {len(records)} records is a JSON object: nothing to suggest")
    kind, where, meant = _kind(events)
    observed = observed_in(meant)
    observed.pop(kind or "", None)
    fields = _named([it for it in observed.values() if it.type is not None])
    numbers = [name for name, it in fields.items() if it.type == "number"]
    if not numbers:
        raise ValueError("no member of the sample's events is a number")
    head = formula or guessed(fields, numbers, meant)
    named = of_formula(fields, head)
    fields, left_out = _fitting(fields, named)
    learned = observed_in(that_have(meant, [fields[name].path for name in named]))
    lines = [f"formula = {json.dumps(head)}", "keep = []"]
    lines += [f"where = {json.dumps(where)}"] if where else []
    for name, it in fields.items():
        lines += ["", *_field(name, it, len(meant))]
        if it.type == "category":
            lines += _levels(learned.get(it.path, it) if name in named else None, it)
    text = "\n".join(lines) + "\n"
    said = _said(text, records, where)
    if left_out:
        said.append(f"# More than a model file takes; left out: {', '.join(left_out)}")
    return "\n".join([*said, "", text])


def _members(record: Record) -> Event | None:
    document = parse_object(record.value)
    if isinstance(document, Rejected):
        return None
    found: dict[str, Scalar] = dict(members(document))
    for name, content in record.headers:
        path = f"@header.{name}"
        if content is not None and _HEADERS.fullmatch(path):
            found[path] = content.decode(errors="replace")
    return found


def _kind(events: Sequence[Event]) -> tuple[str | None, str | None, Sequence[Event]]:
    """Which member tells the kinds of events apart, and the kind that has a target most often."""
    best: tuple[tuple[int, int, int], str | None, str | None, Sequence[Event]]
    best = ((0, 0, 0), None, None, events)
    for path in ("@header.ce_type", *_KIND_NAMES):
        groups: dict[str, list[Event]] = {}
        for event in events:
            if isinstance(kind := event.get(path), str) and not {"'", "\\"} & set(kind):
                groups.setdefault(kind, []).append(event)
        for kind, group in groups.items() if len(groups) > 1 else ():
            score = *labels(group), -len(group)
            if score[0] and score > best[0]:
                best = score, path, f"{path} == '{kind}'", group
    return best[1:]


def _named(found: Sequence[Observed]) -> dict[str, Observed]:
    """Each under a short name of its own."""
    named: dict[str, Observed] = {}
    for it in found:
        steps = [step for step in re.findall(r"[A-Za-z0-9_]+", it.path) if not step.isdigit()]
        if "[?" in it.path:  # key=='price'].value.double_value: by its key
            steps = re.findall(r"=='([^']*)'", it.path)
            steps = [re.sub(r"\W", "_", step) for step in steps]
        for depth in range(1, len(steps) + 1):
            name = "_".join(steps[-depth:])[-60:]
            if not re.match(r"[A-Za-z_]", name):
                name = f"_{name}"
            if name not in named and name not in RESERVED and name != "event":
                named[name] = it
                break
    return named


def _fitting(
    fields: dict[str, Observed], named: Sequence[str]
) -> tuple[dict[str, Observed], list[str]]:
    """As many fields as a model file takes, and the names of the others.

    The formula's come first, then those that most events have.
    """
    fitting, columns = set[str](), 1  # the intercept
    for name in sorted(fields, key=lambda it: (it not in named, -fields[it].n)):
        it = fields[name]
        more = len(it.levels) if it.type == "category" else 1
        if len(fitting) < MAX_FIELDS and columns + more <= MAX_COLUMNS:
            fitting.add(name)
            columns += more
    kept = {name: it for name, it in fields.items() if name in fitting}
    return kept, [name for name in fields if name not in fitting]


def _field(name: str, it: Observed, n: int) -> list[str]:
    lines = [f"[fields.{name}]{_comment(it, n)}"]
    if it.path != name:
        lines.append(f"path = {json.dumps(it.path)}")
    if it.type != "number":
        lines.append(f'type = "{it.type}"')
    if it.type == "number" and it.is_text and not it.path.startswith("@"):
        lines.append("text = true")
    if it.type == "time":
        lines.append('part = "hour"')
        lines += [f'unit = "{it.unit}"'] if it.unit else []
        lines += ["text = true"] if it.unit and it.is_text and it.path.startswith("@") else []
    return lines


def _levels(learned: Observed | None, it: Observed) -> list[str]:
    """The levels of a category.

    Args:
        learned: What is seen of it in the events that the formula learns from, if it has it. Each
            of its levels must come in one of them: a column of zeros determines no coefficient.
        it: What is seen of it in all events.
    """
    levels = it.levels if learned is None else learned.levels
    rare = [] if learned is None else [text for text in levels if learned.texts[text] < RARE]
    said = [text for text in levels if text not in rare]
    if learned is not None and len(said) + bool(rare) < 2:  # noqa: PLR2004 - of one, no effect
        said, rare = levels, []
    lines = [f"levels = {json.dumps(said, ensure_ascii=False)}"]
    if learned is None or rare or len(learned.texts) > len(levels):
        return [*lines, f"other = {json.dumps(_other(it.levels))}"]
    return [*lines, "# Others are refused; other = 'other' counts them, once an event has one."]


def _other(levels: Sequence[str]) -> str:
    return "other" if "other" not in levels else "(other)"


def _comment(it: Observed, n: int) -> str:
    missing = f"; {100 * (n - it.n) / n:.0f} % lack it" if it.n < n else ""
    if it.type == "number":
        low, high = min(it.numbers), max(it.numbers)
        return (
            f" # {low:.6g} to {high:.6g}{missing}"
            if low < high
            else f" # always {low:.6g}{missing}"
        )
    return f" #{missing[1:]}" if missing else ""


def _said(text: str, records: Sequence[Record], where: str | None) -> list[str]:
    """What becomes of the sample, as comments.

    Raises:
        ModelFileError: The text is not a model file: the formula does not go with the fields.
    """
    try:
        mapping = EventMapping(read_model(text))
    except ModelFileError as error:
        names = re.findall(r"^\[fields\.([^]]+)\]", text, re.MULTILINE)
        raise ModelFileError(f"{error}\nthe fields are: {', '.join(names)}") from None
    outcomes: Counter[str] = Counter()
    reasons: dict[str, str] = {}
    for record in records:
        event = mapping(record)
        if isinstance(event, Rejected):
            outcomes["refused"] += 1
            reasons.setdefault(event.reason, event.detail)
        elif event is UNLABELLED:
            outcomes["unlabelled"] += 1
        else:
            outcomes["skipped" if event is SKIPPED else "learned"] += 1
    counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    said = [f"# Of {len(records)} events of a sample: {counts}."]
    said += [f"# refused, {reason}: {detail[:200]}" for reason, detail in sorted(reasons.items())]
    if where:
        said.append("# Others of the topic's kinds: change `where`.")
    return said
