"""Standard errors that hold where the noise is unequal: HC0 and HC1.

The covariance of the coefficients is (X'X)^-1 (sum of e^2 x x') (X'X)^-1, e the residuals: White,
"A heteroskedasticity-consistent covariance matrix estimator", Econometrica 48 (1980); HC1 is n /
(n - p) times that: MacKinnon and White, Journal of Econometrics 29 (1985). It is right for many
events, whatever the noise; statsmodels' ``cov_type`` and R's ``sandwich`` have the same figures.
Tests and intervals use Student's t and F with the residual degrees of freedom, as R's ``coeftest``
does and statsmodels with ``use_t=True``.

The sum in the middle comes from the products of kept columns (``kept/pairs.py``), so it is that of
all events about the present fit, not of the residuals as they once were.
"""

import math
from dataclasses import replace
from enum import StrEnum

import numpy as np

from consumer.decode import INTERCEPT, RequestError
from consumer.model.statistics.distributions import f_upper
from consumer.model.statistics.factor import Floats, lower_solve, size, triangle
from consumer.model.statistics.kept.columns import Selection
from consumer.model.statistics.regression import Regression, coefficient
from consumer.model.statistics.summary import Summary
from contract.messages import ErrorCode


class Errors(StrEnum):
    """Kinds of standard errors."""

    CLASSICAL = "classical"
    HC0 = "HC0"
    HC1 = "HC1"


NEED_EVENTS = ("HC2", "HC3", "HC4", "cluster")
"""Kinds that weigh each event by its leverage in the present fit, or sum over its group."""


def with_errors(regression: Regression, summary: Summary, errors: Errors) -> Regression:
    """The same fit with standard errors, tests and intervals of this kind.

    Args:
        regression: The fitted formula, with classical errors.
        summary: The events that it was fitted to.
        errors: The kind.

    Raises:
        RequestError: ``not-kept`` if the products of the columns are not kept of all events;
            ``out-of-range`` where a figure is beyond the range of a double.
    """
    if errors is Errors.CLASSICAL or regression.quality.residual_sd == 0:
        return regression
    root = _scores(regression, summary) @ regression.inverse @ regression.inverse.T
    if errors is Errors.HC1:
        root *= math.sqrt(regression.n / regression.df_resid)
    rows = {
        term: coefficient(row.coef, size(root[:, j]), regression.df_resid)
        for j, (term, row) in enumerate(regression.coefficients.items())
    }
    f = _wald(regression, root)
    prob = None if f is None else f_upper(f, regression.df_model, regression.df_resid)
    return replace(
        regression, coefficients=rows, quality=replace(regression.quality, f=f, prob_f=prob)
    )


def _scores(regression: Regression, summary: Summary) -> Floats:
    """A root of the sum of e^2 x x' over all events, shape (p, p)."""
    columns, formula = summary.columns, regression.formula
    selection = Selection(formula, columns)
    weights = selection(np.eye(1 + columns.k))
    terms = weights[:, :-1]
    fitted = [row.coef for row in regression.coefficients.values()]
    residual = weights[:, -1] - terms @ fitted
    roots = [np.zeros((1, len(fitted)))]
    for part in summary.parts:
        if part.pairs is None:
            raise _not_kept(columns.keeps_pairs, columns.k)
        roots += part.pairs.scores(residual, terms, selection.needs)
    events = selection.events(summary.pending)
    missed = events[:, -1] - events[:, :-1] @ fitted
    return triangle(*roots, missed[:, None] * events[:, :-1])


def _wald(regression: Regression, root: Floats) -> float | None:
    """Wald's F that no term but the intercept has an effect; None if it cannot be had."""
    first = int(INTERCEPT in regression.coefficients)
    tested = [row.coef for row in regression.coefficients.values()][first:]
    if not tested or len(tested) != regression.df_model:
        return None
    factor = triangle(root[:, first:])
    if not (factor.diagonal() > 0).all():
        return None
    f = size(lower_solve(factor.T, np.array(tested))) ** 2 / len(tested)
    return f if math.isfinite(f) else None


def _not_kept(keeps: bool, k: int) -> RequestError:  # noqa: FBT001 - one caller
    if keeps:
        why = "the state was begun without them, or its events have too many kinds of gaps; "
        way = "a new APPLICATION_ID relearns from the log"
    else:
        why = f"the model has {k} columns; "
        way = f"ROBUST_COLUMNS={k} and a new APPLICATION_ID keep them from the log on"
    return RequestError(
        ErrorCode.NOT_KEPT, f"robust errors need products that are not kept: {why}{way}"
    )
