"""Ordinary least squares for any formula over the fields, from the summary alone.

The columns that a formula names have a factor of their own, ``[[U, z], [0, s]]`` with the target
last. ``U b = z`` gives the coefficients, ``s`` is the norm of the residuals, and the rows of U's
inverse carry standard errors and leverage; no cross product is formed on the way (Golub & Van Loan,
"Matrix Computations", section 5.3; Seber & Lee, "Linear Regression Analysis", chapters 3 to 5).
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from consumer.decode import Formula, RequestError
from consumer.model.statistics.design import design
from consumer.model.statistics.distributions import student_quantile, student_two_sided
from consumer.model.statistics.factor import (
    Floats,
    condition_number,
    lower_solve,
    rounding,
    size,
    solve,
)
from consumer.model.statistics.kept.columns import Selection
from consumer.model.statistics.quality import Quality, judge
from consumer.model.statistics.summary import Summary
from contract.messages import ErrorCode

LEVEL = 0.95
"""The default level of an interval."""

SPANNED = 1e-9
"""How much of a constant may lie outside the span of the terms, by rounding."""


@dataclass(frozen=True, slots=True)
class Coefficient:
    """One row of the table, in the target's unit per unit of the term.

    Attributes:
        coef: The estimate.
        se: Its standard error; 0 where the fit is perfect.
        t: Their ratio; None where the fit is perfect.
        p: P(|T| > |t|) if the truth were 0; None where t is.
        low: Lower end of the interval at LEVEL.
        high: Upper end.
    """

    coef: float
    se: float
    t: float | None
    p: float | None
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class Regression:
    """A fitted formula. Every number is finite; what is undefined is None.

    Attributes:
        formula: What was fitted.
        n: The events it rests on.
        df_model: Coefficients beside the intercept, or what stands for one.
        df_resid: The events n less the number p of coefficients; at least 1.
        coefficients: By term, the intercept first.
        quality: The goodness of fit.
        factor: U, shape (p, p).
        inverse: U's, shape (p, p): times the noise, a root of the coefficients' covariance.
    """

    formula: Formula
    n: int
    df_model: int
    df_resid: int
    coefficients: Mapping[str, Coefficient]
    quality: Quality
    factor: Floats
    inverse: Floats

    @property
    def condition_number(self) -> float:
        """The condition number of the design with its constant, in the fields' units.

        Raises:
            RequestError: ``out-of-range`` where it is beyond the range of a double.
        """
        return _in_range(condition_number(self.factor))

    def to_reply(self) -> dict[str, Any]:
        """All figures under their names, ready for JSON.

        Raises:
            RequestError: ``out-of-range`` where one is beyond the range of a double.
        """
        return {
            "formula": str(self.formula),
            "n": self.n,
            "df_model": self.df_model,
            "df_resid": self.df_resid,
            "coefficients": {term: asdict(row) for term, row in self.coefficients.items()},
            **asdict(self.quality),
            "condition_number": self.condition_number,
        }


class Prediction(NamedTuple):
    """A prediction, and the interval for a new outcome, in the target's unit."""

    prediction: float
    low: float
    high: float

    def around(self, prediction: float) -> "Prediction":
        """The same interval about another prediction."""
        shift = prediction - self.prediction
        return Prediction(prediction, self.low + shift, self.high + shift)


def fit(summary: Summary, formula: Formula) -> Regression:
    """The regression of all events in ``summary``.

    Raises:
        RequestError: ``too-few-events``, ``constant-field`` or ``collinear-field`` where the data
            leave it open; ``out-of-range`` where a figure is beyond the range of a double.
    """
    factor = design(summary, formula)
    n, p = summary.n, len(formula.names)
    upper, explained, unexplained = factor[:p, :p], factor[:p, p], float(factor[p, p])
    if unexplained <= rounding(n) * size(factor[:, p]):
        unexplained = 0.0  # a perfect fit: the rest is rounding, not noise to divide by
    constant, beside = _beside_constant(summary, formula, factor)
    quality = judge(beside, unexplained, n, p, constant=constant)
    inverse = solve(upper, np.eye(p))
    errors = [quality.residual_sd * size(row) for row in inverse]
    rows = map(coefficient, solve(upper, explained).tolist(), errors, [n - p] * p)
    return Regression(
        formula=formula,
        n=n,
        df_model=p - constant,
        df_resid=n - p,
        coefficients=dict(zip(formula.names, rows, strict=True)),
        quality=quality,
        factor=upper,
        inverse=inverse,
    )


def _beside_constant(summary: Summary, formula: Formula, factor: Floats) -> tuple[bool, float]:
    """Whether the terms add up to a constant, and the root of the squares explained beside it.

    Without an intercept they do if a category is coded in full: then the column of ones lies in
    their span, and its projection on it, X'1 rotated as X is, has the length of the whole.
    """
    explained = factor[:-1, -1]
    if formula.intercept:
        return True, size(explained[1:])
    sums = Selection(formula, summary.columns)(summary.factor[:1])[0, :-1] * summary.factor[0, 0]
    ones = lower_solve(factor[:-1, :-1].T, sums) / math.sqrt(summary.n)
    if size(ones) < 1 - SPANNED:
        return False, size(explained)
    return True, size(explained - ones * (ones @ explained))


def coefficient(estimate: float, se: float, df: int) -> Coefficient:
    """A row of the table, from an estimate, its standard error and the degrees of freedom.

    Raises:
        RequestError: ``out-of-range`` where a figure is beyond the range of a double.
    """
    reach = student_quantile(LEVEL, df) * se
    low, high = _in_range(estimate - reach), _in_range(estimate + reach)
    if se == 0:
        return Coefficient(estimate, se, None, None, low, high)
    t = _in_range(estimate / se)
    return Coefficient(estimate, se, t, student_two_sided(t, df), low, high)


def predict(regression: Regression, x: Mapping[str, float], level: float = LEVEL) -> Prediction:
    """The prediction at ``x``, and the interval for a new outcome at ``level``.

    The interval is Student's, for noise and coefficients together: prediction +- t sd sqrt(1 + h),
    h the leverage of x (Seber & Lee, section 5.3.1).

    Args:
        regression: The fitted formula.
        x: A finite number for each term of the formula; other keys are ignored.
        level: Between 0 and 1, exclusive.

    Raises:
        RequestError: ``bad-params`` for a level out of its range; ``missing-field`` for a term that
            is not in ``x``; ``out-of-range`` where the result is beyond the range of a double.
    """
    if not 0 < level < 1:
        raise RequestError(ErrorCode.BAD_PARAMS, "level must be between 0 and 1, exclusive")
    if missing := [term for term in regression.formula.terms if term not in x]:
        message = f"missing: {', '.join(missing)}; the formula is {regression.formula}"
        raise RequestError(ErrorCode.MISSING_FIELD, message)
    terms = regression.formula.terms
    row = np.array([*[1.0] * regression.formula.intercept, *(x[term] for term in terms)])
    with np.errstate(over="ignore", invalid="ignore"):  # _in_range checks
        centre = float(row @ [coefficient.coef for coefficient in regression.coefficients.values()])
        leverage_root = size(row @ regression.inverse)
    spread = regression.quality.residual_sd * math.hypot(1, leverage_root)
    reach = student_quantile(level, regression.df_resid) * spread
    return Prediction(*map(_in_range, (centre, centre - reach, centre + reach)))


def _in_range(value: float) -> float:
    if not math.isfinite(value):
        message = "a figure is beyond the range of a double: rescale the fields"
        raise RequestError(ErrorCode.OUT_OF_RANGE, message)
    return value
