"""Two formulas that predict the same events: their errors, and which is better, at all times.

Of each event that both predict before it is learned, d is the champion's squared error less the
challenger's. Kept are the number of events and sums, so that partitions add up.

The interval for the mean of d is the confidence sequence of ``inference/anytime.py`` for a model of
an intercept alone, with d as its target. For many events its half-width is

    sd(d) sqrt((1 + g / n) (log(1 + n / g) - 2 log(alpha)) / n)

Robbins' normal mixture with the running variance in place of the true one: the asymptotic
confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, "Time-uniform central limit
theory and asymptotic confidence sequences", Annals of Statistics 52 (2024). For few it is wider. It
bounds the mean of the *expected* differences, each given all that was before, whether or not events
depend on each other or change: Choe & Ramdas, "Comparing sequential forecasters", Operations
Research 72 (2024). Their own sequences, as those of Howard, Ramdas, McAuliffe, Sekhon (2021), take
bounded scores, and squared errors are not. What is promised is in docs/STATISTICS.md,
"Challengers".
"""

from collections.abc import Sequence
from math import isinf, sqrt
from typing import Any, NamedTuple, Self

import numpy as np

from consumer.model.statistics.factor import Floats, count
from consumer.model.statistics.inference.anytime import half_width

LARGEST_ERROR = 1e50
"""Errors are clipped here, so that the sums of the squares of their squares stay finite."""

LARGEST_SUM = 1e250
"""An upper bound on any sum of these."""


class Comparison(NamedTuple):
    """Sums over events that both formulas predicted; those of no event by default.

    Attributes:
        n: How many events.
        champion_absolute: The sum of the magnitudes of the champion's errors.
        champion_squared: The sum of their squares.
        absolute: The same of the challenger's.
        squared: Likewise.
        mean: The mean of the differences d.
        spread: The sum of their squares about the mean.
    """

    n: int = 0
    champion_absolute: float = 0.0
    champion_squared: float = 0.0
    absolute: float = 0.0
    squared: float = 0.0
    mean: float = 0.0
    spread: float = 0.0

    @classmethod
    def of(cls, champion: Floats, challenger: Floats) -> Self:
        """From the errors of both on the same events, shapes (n,); NaN without a prediction.

        An event that one of them did not predict counts for neither.
        """
        both = ~(np.isnan(champion) | np.isnan(challenger))
        if not both.any():
            return cls()
        ours, theirs = (
            np.clip(errors[both], -LARGEST_ERROR, LARGEST_ERROR)
            for errors in (champion, challenger)
        )
        d = (ours - theirs) * (ours + theirs)
        mean = d.mean()
        sums = (np.abs(ours).sum(), ours @ ours, np.abs(theirs).sum(), theirs @ theirs)
        return cls(len(d), *map(float, (*sums, mean, np.square(d - mean).sum())))

    def plus(self, other: Self) -> Self:
        """The sums of both, as ``prequential.Errors`` adds up."""
        n = self.n + other.n
        if not n:
            return self
        delta = other.mean - self.mean
        return type(self)(
            n,
            self.champion_absolute + other.champion_absolute,
            self.champion_squared + other.champion_squared,
            self.absolute + other.absolute,
            self.squared + other.squared,
            self.mean + delta * other.n / n,
            self.spread + other.spread + delta * delta * self.n * other.n / n,
        )

    def interval(self, g: float) -> tuple[float, float] | None:
        """The confidence sequence for the mean difference, in the target's unit squared.

        Args:
            g: The precision of the mixture in events, positive, fixed before the first event.

        Returns:
            Its ends; None while there are too few events for any bound.
        """
        if self.n < 2:  # noqa: PLR2004 - of one event there is no variance
            return None
        df = self.n - 1
        width = half_width(self.n, df, g)
        if isinf(width):
            return None
        width *= sqrt(self.spread / df / self.n)
        return self.mean - width, self.mean + width

    def figures(self, g: float) -> dict[str, Any]:
        """``n``, and from the first event on the errors of both and the ``difference``.

        Args:
            g: As of :meth:`interval`.
        """
        if not self.n:
            return {"n": 0}
        low, high = self.interval(g) or (None, None)
        return {
            "n": self.n,
            **_means(self.n, self.absolute, self.squared),
            "champion": _means(self.n, self.champion_absolute, self.champion_squared),
            "difference": {"mean": self.mean, "low": low, "high": high},
        }

    @classmethod
    def from_state(cls, state: Sequence[object]) -> Self:
        """Restore from the list of the sums.

        Raises:
            TypeError: One is missing.
            ValueError: One is impossible.
        """
        n, *sums = state
        if len(sums) != len(cls._fields) - 1:
            raise TypeError(f"expected {len(cls._fields)} sums, got {len(state)}")
        return cls(count(n), *map(_sum, sums))


NOTHING = Comparison()


def _means(n: int, absolute: float, squared: float) -> dict[str, float]:
    return {"mae": absolute / n, "rmse": sqrt(squared / n)}


def _sum(value: object) -> float:
    if type(value) is not float or not abs(value) <= LARGEST_SUM:
        raise ValueError(f"{value!r} is not a sum")
    return value
