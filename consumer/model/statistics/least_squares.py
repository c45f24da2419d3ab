"""The least squares of one formula in square-root form, and each event predicted before it.

This is a square-root information filter without a prior: Bierman, "Factorization Methods for
Discrete Sequential Estimation" (1977), chapter 5.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from consumer.model.statistics.ahead import Ahead
from consumer.model.statistics.design import is_open
from consumer.model.statistics.factor import (
    Floats,
    lower_solve,
    rounding,
    size,
    solve,
    triangle,
)

Places = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class LeastSquares:
    """The least squares of a formula over n events; immutable.

    Attributes:
        n: How many events.
        factor: R of their columns [1, terms, target], shape (p + 1, p + 1) for p coefficients.
        intercept: Whether the first column is the intercept.
    """

    n: int
    factor: Floats
    intercept: bool = True

    @cached_property
    def is_determined(self) -> bool:
        """Whether these events alone determine every coefficient, within the range of a double.

        If not, the service refuses to predict.
        """
        return not is_open(self.factor, self.n, intercept=self.intercept) and bool(
            np.isfinite(self.coefficients).all()
        )

    @cached_property
    def coefficients(self) -> Floats:
        """The least-squares solution, shape (p,); meaningful only if it is determined."""
        return solve(self.factor[:-1, :-1], self.factor[:-1, -1])

    @property
    def df(self) -> int:
        """The residual degrees of freedom; at least 1 if it is determined."""
        return self.n - len(self.factor) + 1

    def spread(self, x: Floats) -> float:
        """What the interval of the prediction at x, shape (p,), is a multiple of, as ``Ahead`` has.

        Call it only if it is determined.
        """
        unexplained = float(self.factor[-1, -1])
        if unexplained <= rounding(self.n) * size(self.factor[:, -1]):
            return 0.0  # a perfect fit, as in regression.py
        reach = math.hypot(1.0, size(lower_solve(self.factor[:-1, :-1].T, x)))
        return unexplained / math.sqrt(self.df) * reach

    def plus(self, rows: Floats) -> Self:
        """With these events added, [1, terms, target], shape (m, p + 1)."""
        if not len(rows):
            return self
        return type(self)(self.n + len(rows), triangle(self.factor, rows), self.intercept)


@np.errstate(over="ignore", invalid="ignore")
def one_step_ahead(before: LeastSquares, rows: Floats) -> Ahead:
    """Predict each event from all those before it, by least squares.

    The errors are the recursive residuals of Brown, Durbin, Evans, "Techniques for testing the
    constancy of regression relationships over time", JRSS B 37 (1975), not standardised.

    Args:
        before: Least squares of the events before them.
        rows: The events, [1, terms, target], shape (m, p + 1).
    """
    errors, spread = np.full((2, len(rows)), math.nan)
    found = Ahead(errors, spread, before.df + np.arange(float(len(rows))))
    if _lacks_a_column(before, rows):
        return found
    for i, row in enumerate(rows):
        if before.is_determined:
            errors[i] = row[-1] - row[:-1] @ before.coefficients
            spread[i] = before.spread(row[:-1])
        before = before.plus(rows[i : i + 1])
    errors[np.isinf(errors)] = math.nan  # beyond the range of a double: refused
    return found


@np.errstate(over="ignore", invalid="ignore")
def predicted_after(
    before: LeastSquares, rows: Floats, questions: Floats, places: Places
) -> Floats:
    """The prediction of each question by least squares, after some of the rows.

    Args:
        before: Least squares of the events before them.
        rows: The events, [1, terms, target], shape (n, p + 1).
        questions: [1, terms, anything], shape (m, p + 1).
        places: After how many of the rows each is asked, shape (m,).

    Returns:
        The predictions, shape (m,); NaN if that would have been refused.
    """
    made = np.full(len(questions), math.nan)
    if _lacks_a_column(before, rows):
        return made
    for place in np.unique(places):
        known, asked = before.plus(rows[:place]), places == place
        if known.is_determined:
            made[asked] = questions[asked, :-1] @ known.coefficients
    made[np.isinf(made)] = math.nan
    return made


def _lacks_a_column(before: LeastSquares, rows: Floats) -> bool:
    """Whether a level has not come yet: it leaves a coefficient open to the end."""
    return not np.logical_or(before.factor.any(axis=0), rows.any(axis=0))[:-1].all()
