"""How often outcomes fell into their own prediction intervals, each made before its outcome.

The intervals are those that a prediction at the event's place would have given
(``statistics/regression.py``). Where their assumptions hold, the share of outcomes inside is the
level: Dawid, "Statistical theory: the prequential approach", JRSS A 147 (1984).
"""

import math
from functools import cache
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from consumer.model.statistics.ahead import Ahead
from consumer.model.statistics.distributions import student_quantile, student_quantiles
from consumer.model.statistics.factor import Floats

LEVELS = (0.5, 0.8, 0.95)
"""The levels that are counted."""


class Covered(NamedTuple):
    """Counts of outcomes; those of an empty set by default.

    Attributes:
        n: How many had an interval. One of no width, as of a perfect fit, is none.
        within: How many of them fell into theirs, for each of LEVELS.
    """

    n: int = 0
    within: tuple[int, ...] = (0,) * len(LEVELS)

    @classmethod
    def of(cls, ahead: Ahead) -> Self:
        """Of these events."""
        return cls._of(*(counts.tolist() for counts in count_within(*ahead)))

    @classmethod
    def of_many(cls, ahead: Ahead) -> list[Self]:
        """Of many blocks, whose columns have the shape (blocks, n)."""
        n, within = count_within(*ahead)
        return [cls._of(*each) for each in zip(n.tolist(), within.T.tolist(), strict=True)]

    @classmethod
    def _of(cls, n: int, within: list[int]) -> Self:
        return cls(n, tuple(within))

    def plus(self, other: Self) -> Self:
        """The counts of both."""
        both = zip(self.within, other.within, strict=True)
        return type(self)(self.n + other.n, tuple(one + more for one, more in both))

    def figures(self) -> dict[str, Any]:
        """The ``n``, and for each level how many were ``covered``."""
        levels = [
            {"level": level, "covered": covered}
            for level, covered in zip(LEVELS, self.within, strict=True)
        ]
        return {"n": self.n, "levels": levels}


def count_within(
    errors: Floats, spread: Floats, df: Floats
) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """How many have an interval, shape (...), and lie in it, shape (levels, ...).

    Student's quantiles cost microseconds each, and fall as df grows: most scores are told by those
    at the powers of two around all df.

    Args:
        errors: As ``Ahead`` has them, shape (..., n); none is NaN.
        spread: Likewise.
        df: Likewise.
    """
    has = spread > 0
    if not has.all():
        spread = np.where(has, spread, np.nan)  # such a score is within nothing
    scores = np.abs(errors) / spread
    within = scores <= _at_power(math.frexp(df.max())[1], scores.ndim)
    perhaps = scores <= _at_power(math.frexp(max(1.0, df.min()))[1] - 1, scores.ndim)
    if (doubtful := perhaps != within).any():
        for level, inside, open_ in zip(LEVELS, within, doubtful, strict=True):
            inside[open_] = scores[open_] <= student_quantiles(level, df[open_])
    return has.sum(-1), within.sum(-1)


@cache
def _at_power(power: int, dimensions: int) -> Floats:
    """The quantiles of all levels for 2^power degrees of freedom, to compare with scores."""
    quantiles = [student_quantile(level, 1 << max(0, power)) for level in LEVELS]
    return np.array(quantiles).reshape(-1, *[1] * dimensions)
