"""Prequential errors: each event is predicted before it is learned.

Kept as sums, so that partitions add up. The figures are those of ``river.metrics.MAE``, ``RMSE``
and ``R2`` over the same predictions (tests/unit/test_prequential.py).

Source: Gama, Sebastiao, Rodrigues, "On evaluating stream learning algorithms", Machine Learning 90
(2013); the sum of squares by Welford, merged by Chan, Golub, LeVeque, "Updating formulae and a
pairwise algorithm for computing sample variances" (1979).
"""

from collections.abc import Iterable
from math import sqrt
from typing import Self

LARGEST_ERROR = 1e100
"""A stochastic gradient may run away; its error still leaves the sums finite."""


class Errors:
    """Running sums of one-step-ahead errors; mutable, owned by one partition."""

    __slots__ = ("absolute", "mean_y", "n", "spread_y", "squared")

    def __init__(
        self,
        n: int = 0,
        absolute: float = 0.0,
        squared: float = 0.0,
        mean_y: float = 0.0,
        spread_y: float = 0.0,
    ) -> None:
        self.n = n
        self.absolute = absolute
        self.squared = squared
        self.mean_y = mean_y
        self.spread_y = spread_y

    def update(self, y: float, y_pred: float) -> None:
        """Score one prediction against what came."""
        error = min(max(y - y_pred, -LARGEST_ERROR), LARGEST_ERROR)
        self.n += 1
        self.absolute += abs(error)
        self.squared += error * error
        delta = y - self.mean_y
        self.mean_y += delta / self.n
        self.spread_y += delta * (y - self.mean_y)

    def copy(self) -> Self:
        """The sums as they are now."""
        return type(self)(self.n, self.absolute, self.squared, self.mean_y, self.spread_y)

    def state(self) -> list[float]:
        """The sums in the order of the constructor."""
        return [self.n, self.absolute, self.squared, self.mean_y, self.spread_y]

    def figures(self) -> dict[str, float]:
        """The ``mae`` and ``rmse`` in the target's unit, and ``r2``; an undefined one is absent."""
        if self.n == 0:
            return {}
        figures = {"mae": self.absolute / self.n, "rmse": sqrt(self.squared / self.n)}
        if self.spread_y > 0:
            figures["r2"] = 1 - self.squared / self.spread_y
        return figures


def add(parts: Iterable[Errors]) -> Errors:
    """The sums over several partitions."""
    total = Errors()
    for part in parts:
        n = total.n + part.n
        if n == 0:
            continue
        delta = part.mean_y - total.mean_y
        total.spread_y += part.spread_y + delta * delta * total.n * part.n / n
        total.mean_y += delta * part.n / n
        total.absolute += part.absolute
        total.squared += part.squared
        total.n = n
    return total
