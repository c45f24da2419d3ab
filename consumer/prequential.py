"""Prequential errors: each event is predicted before it is learned.

Kept as sums, so that partitions add up. The figures are those of ``river.metrics.MAE``, ``RMSE``
and ``R2`` over the same predictions (tests/unit/test_prequential.py).

Source: Gama, Sebastiao, Rodrigues, "On evaluating stream learning algorithms", Machine Learning 90
(2013); sums of squares merged as by Chan, Golub, LeVeque, "Updating formulae and a
pairwise algorithm for computing sample variances" (1979).
"""

from collections.abc import Iterable
from math import sqrt
from typing import Self

import numpy as np

from consumer.statistics.factor import Floats

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

    def update(self, y: Floats, errors: Floats) -> None:
        """Score predictions, in one go.

        Args:
            y: What came, shape (n,).
            errors: That less what was predicted, shape (n,).
        """
        if not len(y):
            return
        errors = np.clip(errors, -LARGEST_ERROR, LARGEST_ERROR)
        mean = float(y.mean())
        deviations = y - mean
        self._plus(
            len(y),
            float(np.abs(errors).sum()),
            float(errors @ errors),
            mean,
            float(deviations @ deviations),
        )

    def _plus(
        self, n: int, absolute: float, squared: float, mean_y: float, spread_y: float
    ) -> None:
        """Add the sums of n events, n > 0."""
        total = self.n + n
        delta = mean_y - self.mean_y
        self.spread_y += spread_y + delta * delta * self.n * n / total
        self.mean_y += delta * n / total
        self.absolute += absolute
        self.squared += squared
        self.n = total

    def copy(self) -> Self:
        """The sums as they are now."""
        return type(self)(self.n, self.absolute, self.squared, self.mean_y, self.spread_y)

    def state(self) -> tuple[int, float, float, float, float]:
        """The sums in the order of the constructor."""
        return self.n, self.absolute, self.squared, self.mean_y, self.spread_y

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
        if part.n:
            total._plus(*part.state())  # noqa: SLF001 - one of ours
    return total
