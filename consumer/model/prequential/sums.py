"""What is kept of one-step-ahead predictions: over all events, fading, and of the newest blocks."""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from consumer.model.prequential.covered import LEVELS, Covered
from consumer.model.prequential.errors import FADING, LARGEST_ERROR, LARGEST_SUM, Errors, Faded
from consumer.model.statistics.ahead import Ahead
from consumer.model.statistics.factor import Floats, count

RECENT = 1000
"""The recent errors are those of the newest blocks that together hold at least so many events."""


class Block(NamedTuple):
    """What came of a scored block, and the timestamp of its last event in ms."""

    timestamp: int
    errors: Errors
    covered: Covered = Covered()


class Prequential:
    """The sums of one partition; mutable, with one owner."""

    __slots__ = ("covered", "errors", "faded", "recent")

    def __init__(self) -> None:
        self.errors = Errors()
        self.covered = Covered()
        self.faded = Faded()
        self.recent: deque[Block] = deque()

    def update(self, y: Floats, ahead: Ahead, timestamp_ms: int) -> None:
        """Score a block of predictions.

        Args:
            y: The targets, shape (n,).
            ahead: What was predicted of them; one without a prediction is not counted.
            timestamp_ms: The last event's timestamp.
        """
        if (missing := np.isnan(ahead.errors)).any():
            y, ahead = y[~missing], ahead.those(~missing)
        if not len(y):
            return
        errors = np.clip(ahead.errors, -LARGEST_ERROR, LARGEST_ERROR)
        self.add(Block(timestamp_ms, Errors.of(y, errors), Covered.of(ahead)), Faded.of(errors))

    def plus(self, block: Block, faded: Faded) -> Self:
        """The sums with those of a further block; this one stays as it is."""
        made = self.copy()
        made.add(block, faded)
        return made

    def add(self, block: Block, faded: Faded) -> None:
        """Add the sums of a further block."""
        self.errors = self.errors.plus(block.errors)
        self.covered = self.covered.plus(block.covered)
        self.faded = self.faded.then(faded, block.errors.n)
        self.recent.append(block)
        beyond = sum(block.errors.n for block in self.recent) - RECENT
        while beyond >= self.recent[0].errors.n:
            beyond -= self.recent.popleft().errors.n

    def copy(self) -> Self:
        """An independent copy."""
        made = type(self)()
        made.errors, made.covered, made.faded = self.errors, self.covered, self.faded
        made.recent = self.recent.copy()
        return made

    def state(self) -> dict[str, Any]:
        """The sums, in the order of their names."""
        return {
            "all": list(self.errors),
            "faded": list(self.faded),
            "recent": [[block.timestamp, *block.errors] for block in self.recent],
            "covered": [
                _flat(self.covered),
                *(_flat(block.covered) for block in self.recent),
            ],
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Restore from :meth:`state`; one of before outcomes were counted has counts of none.

        Raises:
            KeyError: A part of the state is missing.
            TypeError: A sum is missing or has another type.
            ValueError: A number is impossible.
        """
        made = cls()
        made.errors, made.faded = _errors(*state["all"]), Faded(*map(_sum, state["faded"]))
        none = [[0] * (1 + len(LEVELS))] * (1 + len(state["recent"]))
        made.covered, *covered = (_covered(*it) for it in state.get("covered", none))
        made.recent.extend(
            Block(_timestamp(at), _errors(*sums), counts)
            for (at, *sums), counts in zip(state["recent"], covered, strict=True)
        )
        return made


def figures(parts: Sequence[Prequential]) -> dict[str, Any]:
    """The errors' figures over several partitions: of all, of the ``recent`` and of the ``faded``.

    The recent errors are those of the newest blocks by record timestamp over all partitions that
    together hold at least RECENT events; ``n`` is their exact number.
    """
    recent, _ = _newest(parts)
    faded = Faded()
    for part in parts:
        faded = faded.plus(part.faded)
    return {
        **total(parts).figures(),
        "recent": {"n": recent.n, **recent.figures()},
        "fading": {"factor": FADING, **faded.figures()},
    }


def calibration(parts: Sequence[Prequential]) -> dict[str, Any]:
    """How often outcomes fell into their intervals, over several partitions: all, and ``recent``.

    The recent ones are of the same events as the recent errors.
    """
    covered = Covered()
    for part in parts:
        covered = covered.plus(part.covered)
    _, recent = _newest(parts)
    return {**covered.figures(), "recent": recent.figures()}


def total(parts: Iterable[Prequential]) -> Errors:
    """The sums over several partitions."""
    errors = Errors()
    for part in parts:
        errors = errors.plus(part.errors)
    return errors


def _errors(n: object, *sums: object) -> Errors:
    return Errors(count(n), *map(_sum, sums))


def _sum(value: object) -> float:
    if type(value) is not float or not 0 <= abs(value) <= LARGEST_SUM:
        raise ValueError(f"{value!r} is not a sum of errors")
    return value


def _timestamp(value: object) -> int:
    if type(value) is not int:
        raise ValueError(f"{value!r} is not a timestamp")
    return value


def _flat(covered: Covered) -> list[int]:
    return [covered.n, *covered.within]


def _covered(n: object, *within: object) -> Covered:
    made = Covered(count(n), tuple(map(count, within)))
    if len(made.within) != len(LEVELS) or max(made.within) > made.n:
        raise ValueError(f"{within!r} are not counts of {n} outcomes")
    return made


def _newest(parts: Sequence[Prequential]) -> tuple[Errors, Covered]:
    """What came of the newest blocks by timestamp; ties keep their order."""
    blocks = (block for part in parts for block in reversed(part.recent))
    errors, covered = Errors(), Covered()
    for block in sorted(blocks, key=lambda block: -block.timestamp):
        if errors.n >= RECENT:
            break
        errors, covered = errors.plus(block.errors), covered.plus(block.covered)
    return errors, covered
