"""Sums of one-step-ahead errors, and the figures that follow from them.

Kept as sums, so that partitions add up. The figures are those of ``river.metrics.MAE``, ``RMSE``
and ``R2`` over the same predictions (tests/unit/model/test_prequential.py).

Source: Gama, Sebastiao, Rodrigues, "On evaluating stream learning algorithms", Machine Learning 90
(2013), with the fading factor of its section 3.2; sums of squares merged as by Chan, Golub,
LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances" (1979).
"""

from math import isfinite, sqrt
from typing import NamedTuple, Self

import numpy as np

from consumer.model.statistics.factor import Floats
from consumer.model.statistics.kept.running import BLOCK

LARGEST_ERROR = 1e100
"""Errors are clipped here, so that a diverging stochastic gradient leaves the sums finite."""

LARGEST_SUM = 1e250
"""An upper bound on any sum of such errors or of their squares."""

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
