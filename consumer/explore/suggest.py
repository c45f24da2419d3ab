"""Writes a model file for a sample of events. Pure."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from consumer.decode import SKIPPED, UNLABELLED, Record, Rejected
from consumer.decode.event import parse_object
from consumer.decode.mapping import Mapping as EventMapping
from consumer.decode.mapping import ModelFileError, read_model
from consumer.explore.members import Scalar, members
from consumer.explore.observed import Observed
from contract.messages import RESERVED

MAX_TERMS = 3
LEAST_SHARE = 0.05
"""A member that fewer events have is not suggested as a field."""

_KIND_NAMES = ("event", "event_name", "event_type", "type", "eventName", "eventType", "name")
_TARGETS = [
    "revenue",
    "sales",
    "amount",
    "total",
    "spend",
    "profit",
    "value",
    "duration",
    "delay",
    "price",
    "score",
]
"""Words in the names of what is worth to be explained, the likeliest first."""

_HEADERS = re.compile(r"@header\.ce_(type|source|subject)")

Event = Mapping[str, Scalar]


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
    observed = _observed(meant)
    observed.pop(kind or "", None)
    fields = _named([it for it in observed.values() if it.type is not None])
    numbers = [name for name, it in fields.items() if it.type == "number"]
    if not numbers:
        raise ValueError("no member of the sample's events is a number")
    head = formula or _formula(fields, numbers, len(meant))
    lines = [f"formula = {json.dumps(head)}", "keep = []"]
    lines += [f"where = {json.dumps(where)}"] if where else []
    for name, it in fields.items():
        lines += ["", *_field(name, it, len(meant))]
    text = "\n".join(lines) + "\n"
    return "\n".join([*_said(text, records, where), "", text])


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


def _observed(events: Iterable[Event]) -> dict[str, Observed]:
    observed: dict[str, Observed] = {}
    for event in events:
        for path, value in event.items():
            observed.setdefault(path, Observed(path)).see(value)
    return observed


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
            score = *_labels(group), -len(group)
            if score[0] and score > best[0]:
                best = score, path, f"{path} == '{kind}'", group
    return best[1:]


def _labels(events: Sequence[Event]) -> tuple[int, int]:
    """The likeliest target that the events have: the rank of its name, and how many have it."""
    return max(
        (
            (rank, it.n)
            for it in _observed(events).values()
            if it.type == "number" and (rank := _rank(it.path))
        ),
        default=(0, 0),
    )


def _rank(path: str) -> int:
    """How much its name speaks for a target; 0: not at all."""
    name = _last(path).lower()
    return max((len(_TARGETS) - at for at, word in enumerate(_TARGETS) if word in name), default=0)


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


def _formula(fields: Mapping[str, Observed], numbers: Sequence[str], n: int) -> str:
    numbers = [name for name in numbers if fields[name].varies] or numbers
    target = max(numbers, key=lambda name: (_rank(fields[name].path), fields[name].n))
    least = LEAST_SHARE * n
    terms = [
        name
        for name, it in fields.items()
        if name != target and it.type in ("number", "category") and it.varies and it.n >= least
    ]
    terms.sort(key=lambda name: -fields[name].n)
    return f"{target} ~ {' + '.join(terms[:MAX_TERMS]) or '1'}"


def _last(path: str) -> str:
    return path.rpartition("=='")[2] if "[?" in path else path.rpartition(".")[2]


def _field(name: str, it: Observed, n: int) -> list[str]:
    lines = [f"[fields.{name}]{_comment(it, n)}"]
    if it.path != name:
        lines.append(f"path = {json.dumps(it.path)}")
    if it.type != "number":
        lines.append(f'type = "{it.type}"')
    if it.type == "number" and it.is_text and not it.path.startswith("@"):
        lines.append("text = true")
    if it.type == "category":
        lines.append(f"levels = {json.dumps(it.levels, ensure_ascii=False)}")
        # A level that no event has would leave the formula without an answer.
        other = json.dumps(_other(it.levels))
        lines.append(f"# other = {other} # what other texts count as; without it: refused")
    if it.type == "time":
        lines.append('part = "hour"')
        lines += [f'unit = "{it.unit}"'] if it.unit else []
        lines += ["text = true"] if it.unit and it.is_text and it.path.startswith("@") else []
    return lines


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
