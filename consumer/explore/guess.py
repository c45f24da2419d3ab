"""Guesses a formula for a sample of events. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence

from consumer.explore.members import Scalar
from consumer.explore.observed import Observed

MAX_TERMS = 3
LEAST_SHARE = 0.05
"""A member that fewer events have is not suggested as a field."""

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


Event = Mapping[str, Scalar]
"""What stands at each path of an event."""


def observed_in(events: Iterable[Event]) -> dict[str, Observed]:
    """What stands at each path, but at those where some events have an object or a list."""
    observed: dict[str, Observed] = {}
    for event in events:
        for path, value in event.items():
            observed.setdefault(path, Observed(path)).see(value)
    inner = {path[: at.start()] for path in observed for at in re.finditer(r"[.[]", path)}
    return {path: it for path, it in observed.items() if path not in inner}


def labels(events: Sequence[Event]) -> tuple[int, int]:
    """The likeliest target that the events have: the rank of its name, and how many have it."""
    return max(
        (
            (rank, it.n)
            for it in observed_in(events).values()
            if it.type == "number" and (rank := _rank(it.path))
        ),
        default=(0, 0),
    )


def _rank(path: str) -> int:
    """How much its name speaks for a target; 0: not at all."""
    name = _last(path).lower()
    return max((len(_TARGETS) - at for at, word in enumerate(_TARGETS) if word in name), default=0)


def guessed(fields: Mapping[str, Observed], numbers: Sequence[str], events: Sequence[Event]) -> str:
    """A sum of few fields that all vary in the events which have the target and all of them."""
    numbers = [name for name in numbers if fields[name].varies] or numbers
    target = max(numbers, key=lambda name: (_rank(fields[name].path), fields[name].n))
    candidates = [
        name for name, it in fields.items() if name != target and it.type in ("number", "category")
    ]
    candidates.sort(key=lambda name: -fields[name].n)
    terms: list[str] = []
    least, whole = LEAST_SHARE * len(events), that_have(events, [fields[target].path])
    for name in candidates:
        paths = [fields[it].path for it in (*terms, name)]
        rest = that_have(whole, paths)
        varied = all(len({event[path] for event in rest}) > 1 for path in paths)
        if varied and len(rest) >= least and len(terms) < MAX_TERMS:
            terms.append(name)
            whole = rest
    return f"{target} ~ {' + '.join(terms) or '1'}"


def that_have(events: Sequence[Event], paths: Sequence[str]) -> Sequence[Event]:
    """The events with a value at each of the paths."""
    return [event for event in events if all(event.get(path) not in (None, "") for path in paths)]


def of_formula(fields: Mapping[str, Observed], text: str) -> list[str]:
    """The fields that a formula's text names."""
    return [name for name in fields if re.search(rf"(?<![\w.]){re.escape(name)}(?![\w.])", text)]


def _last(path: str) -> str:
    return path.rpartition("=='")[2] if "[?" in path else path.rpartition(".")[2]
