"""Prequential errors: each event is predicted before it is learned.

Kept as sums, so that partitions add up. The figures are those of ``river.metrics.MAE``, ``RMSE``
and ``R2`` over the same predictions (tests/unit/model/test_prequential.py).

Source: Gama, Sebastiao, Rodrigues, "On evaluating stream learning algorithms", Machine Learning 90
(2013), with the fading factor of its section 3.2; sums of squares merged as by Chan, Golub,
LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances" (1979).
"""

from collections import deque
from collections.abc import Iterable, Sequence
from math import isfinite, sqrt
from typing import Any, NamedTuple, Self

import numpy as np

from consumer.model.statistics.factor import Floats, count
from consumer.model.statistics.kept.running import BLOCK

LARGEST_ERROR = 1e100
"""Errors are clipped here, so that a diverging stochastic gradient leaves the sums finite."""

LARGEST_SUM = 1e250
"""An upper bound on any sum of such errors or of their squares."""

RECENT = 1000
"""The recent errors are those of the newest blocks that together hold at least so many events."""

FADING = 0.999
"""The factor by which an error's weight falls with each later scored event of its partition."""

_WEIGHTS = FADING ** np.arange(BLOCK - 1.0, -1.0, -1.0)


class Errors(NamedTuple):
    """Sums of one-step-ahead errors; those of an empty set by default.

    Attributes:
        n: The number of errors.
        absolute: The sum of their magnitudes.
        squared: The sum of their squares.
        mean_y: The mean of the targets.
        spread_y: The sum of squares of the targets about their mean.
    """

    n: int = 0
    absolute: float = 0.0
    squared: float = 0.0
    mean_y: float = 0.0
    spread_y: float = 0.0

    @classmethod
    def of(cls, y: Floats, errors: Floats) -> Self:
        """From targets and errors (target less prediction), shapes (n,), n > 0."""
        mean = float(y.mean())
        deviations = y - mean
        return cls(
            len(y),
            float(np.abs(errors).sum()),
            float(errors @ errors),
            mean,
            float(deviations @ deviations),
        )

    def plus(self, other: Self) -> Self:
        """The sums of both."""
        total = self.n + other.n
        if not total:
            return self
        delta = other.mean_y - self.mean_y
        return type(self)(
            total,
            self.absolute + other.absolute,
            self.squared + other.squared,
            self.mean_y + delta * other.n / total,
            self.spread_y + other.spread_y + delta * delta * self.n * other.n / total,
        )

    def figures(self) -> dict[str, float]:
        """The ``mae`` and ``rmse`` in the target's unit, and ``r2``; an undefined one is absent."""
        if self.n == 0:
            return {}
        figures = {"mae": self.absolute / self.n, "rmse": sqrt(self.squared / self.n)}
        if self.spread_y > 0 and isfinite(r2 := 1 - self.squared / self.spread_y):
            figures["r2"] = r2
        return figures


class Faded(NamedTuple):
    """Exponentially fading sums of errors."""

    weight: float = 0.0
    absolute: float = 0.0
    squared: float = 0.0

    @classmethod
    def of(cls, errors: Floats) -> Self:
        """The sums of these errors, shape (n,), n > 0 and at most BLOCK."""
        weights = _WEIGHTS[-len(errors) :]
        return cls(
            float(weights.sum()),
            float(weights @ np.abs(errors)),
            float(weights @ np.square(errors)),
        )

    def then(self, later: Self, n: int) -> Self:
        """The sums after n further errors."""
        past = FADING**n
        return type(self)(*(old * past + new for old, new in zip(self, later, strict=True)))

    def plus(self, other: Self) -> Self:
        """The sums of both."""
        return type(self)(*map(sum, zip(self, other, strict=True)))

    def figures(self) -> dict[str, float]:
        """The ``mae`` and ``rmse`` in the target's unit; none before the first error."""
        if self.weight == 0:
            return {}
        return {"mae": self.absolute / self.weight, "rmse": sqrt(self.squared / self.weight)}


class Block(NamedTuple):
    """The errors of a scored block, and the timestamp of its last event in ms."""

    timestamp: int
    errors: Errors


class Prequential:
    """The errors of one partition; mutable, with one owner."""

    __slots__ = ("errors", "faded", "recent")

    def __init__(self) -> None:
        self.errors = Errors()
        self.faded = Faded()
        self.recent: deque[Block] = deque()

    def update(self, y: Floats, errors: Floats, timestamp_ms: int) -> None:
        """Score a block of predictions.

        Args:
            y: The targets, shape (n,).
            errors: Target less prediction, shape (n,); NaN without a prediction is not counted.
            timestamp_ms: The last event's timestamp.
        """
        if (missing := np.isnan(errors)).any():
            y, errors = y[~missing], errors[~missing]
        if not len(y):
            return
        errors = np.clip(errors, -LARGEST_ERROR, LARGEST_ERROR)
        self.add(Block(timestamp_ms, Errors.of(y, errors)), Faded.of(errors))

    def plus(self, block: Block, faded: Faded) -> Self:
        """The sums with those of a further block; this one stays as it is."""
        made = self.copy()
        made.add(block, faded)
        return made

    def add(self, block: Block, faded: Faded) -> None:
        """Add the sums of a further block."""
        self.errors = self.errors.plus(block.errors)
        self.faded = self.faded.then(faded, block.errors.n)
        self.recent.append(block)
        beyond = sum(block.errors.n for block in self.recent) - RECENT
        while beyond >= self.recent[0].errors.n:
            beyond -= self.recent.popleft().errors.n

    def copy(self) -> Self:
        """An independent copy."""
        made = type(self)()
        made.errors, made.faded, made.recent = self.errors, self.faded, self.recent.copy()
        return made

    def state(self) -> dict[str, Any]:
        """The sums, in the order of their names."""
        return {
            "all": list(self.errors),
            "faded": list(self.faded),
            "recent": [[block.timestamp, *block.errors] for block in self.recent],
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Restore from :meth:`state`.

        Raises:
            KeyError: A part of the state is missing.
            TypeError: A sum is missing or has another type.
            ValueError: A number is impossible.
        """
        made = cls()
        made.errors, made.faded = _errors(*state["all"]), Faded(*map(_sum, state["faded"]))
        made.recent.extend(Block(_timestamp(at), _errors(*sums)) for at, *sums in state["recent"])
        return made


def figures(parts: Sequence[Prequential]) -> dict[str, Any]:
    """The figures over several partitions: of all errors, of the ``recent`` and of the ``faded``.

    The recent errors are those of the newest blocks by record timestamp over all partitions that
    together hold at least RECENT events; ``n`` is their exact number.
    """
    recent = _newest(block for part in parts for block in reversed(part.recent))
    faded = Faded()
    for part in parts:
        faded = faded.plus(part.faded)
    return {
        **total(parts).figures(),
        "recent": {"n": recent.n, **recent.figures()},
        "fading": {"factor": FADING, **faded.figures()},
    }


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


def _newest(blocks: Iterable[Block]) -> Errors:
    """The errors of the newest blocks by timestamp; ties keep their order."""
    found = Errors()
    for block in sorted(blocks, key=lambda block: -block.timestamp):
        if found.n >= RECENT:
            break
        found = found.plus(block.errors)
    return found
