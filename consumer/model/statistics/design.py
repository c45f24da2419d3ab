"""The factor of a formula's columns, or why the data do not determine it."""

import math

import numpy as np
from numpy.typing import NDArray

from consumer.decode import Formula, RequestError
from consumer.model.statistics.factor import Floats, rounding, size, solve, triangle
from consumer.model.statistics.kept.columns import Selection
from consumer.model.statistics.summary import Summary
from contract.messages import ErrorCode

COLLINEAR = 1e-7
"""The least share of a term's deviations that the terms before it may leave unexplained.

R's ``lm`` has the same tolerance. Among the NIST sets Longley has 4e-2 left and Wampler1
5e-3; of an exact duplicate rounding leaves 1e-14 after a million events.
"""

DIGITS = 1e3
"""How far a term must exceed rounding, so that its coefficient has at least three digits."""


def open_columns(factor: Floats, n: int, *, intercept: bool) -> tuple[list[bool], list[bool]]:
    """For the terms and the target: whether each is constant, and whether it is collinear.

    Args:
        factor: R of n rows [1, terms, target], shape (p + 1, p + 1); without the 1 if there is no
            intercept, when only a column of zeros is constant.
        n: How many rows.
        intercept: Whether there is one.
    """
    noise = DIGITS * rounding(n)
    constant, collinear = [], []
    for j, column in enumerate(zip(*factor.tolist(), strict=True)):
        whole = math.hypot(*column)
        deviations = math.hypot(*column[1:]) if intercept else whole
        constant.append(deviations <= noise * whole)
        collinear.append(column[j] <= max(COLLINEAR * deviations, noise * whole))
    # The first term stands alone if it varies; the target may follow from the terms.
    first = int(intercept)
    return constant[first:], [False, *collinear[first + 1 : -1], False]


def are_open(factors: Floats, n: NDArray[np.int_], *, intercept: bool) -> NDArray[np.bool_]:
    """:func:`is_open` of many at once: factors of shape (m, p + 1, p + 1), of n rows each.

    The signs of their diagonals do not matter.
    """
    noise = DIGITS * np.array([[rounding(rows)] for rows in n.tolist()])
    whole = np.hypot.reduce(factors, axis=1)
    deviations = np.hypot.reduce(factors[:, 1:], axis=1) if intercept else whole
    least = np.maximum(COLLINEAR * deviations, noise * whole)
    collinear = np.abs(factors.diagonal(axis1=1, axis2=2)) <= least
    first = int(intercept)
    constant = deviations <= noise * whole
    found = constant[:, first:].any(axis=1) | collinear[:, first + 1 : -1].any(axis=1)
    return np.asarray(found | (n < factors.shape[2]))


def is_open(factor: Floats, n: int, *, intercept: bool = True) -> bool:
    """Whether :func:`design` would refuse to answer from these rows."""
    if n < len(factor):
        return True
    constant, collinear = open_columns(factor, n, intercept=intercept)
    return any(constant) or any(collinear)


def design(summary: Summary, formula: Formula) -> Floats:
    """The factor of the columns [1, terms, target], shape (p + 1, p + 1) for p coefficients.

    Raises:
        RequestError: ``too-few-events`` without residual degrees of freedom; ``constant-field`` or
            ``collinear-field`` if the data do not determine a coefficient.
    """
    n, terms = summary.n, formula.terms
    needed = len(formula.names) + 1
    if n < needed:
        message = f"{formula} needs at least {needed} events; there are {n}"
        raise RequestError(ErrorCode.TOO_FEW_EVENTS, message)
    names = (*terms, formula.target)
    columns = Selection(formula, summary.columns)(summary.factor)
    factor = triangle(columns)
    constant, collinear = open_columns(factor, n, intercept=formula.intercept)
    if not formula.intercept:
        constant[-1] = size(columns[1:, -1]) <= DIGITS * rounding(n) * size(columns[:, -1])
    for name, column, varies_not in zip(names, columns.T[-len(names) :], constant, strict=True):
        if name in summary.fields and (formula.intercept or name == formula.target):
            _check_varies(summary, name, varies=not varies_not)
        elif varies_not:
            value = float(column[0] / summary.factor[0, 0])
            message = f"{name} is {value:.12g} in all {n} events: it must vary"
            raise RequestError(ErrorCode.CONSTANT_FIELD, message)
    for j, term in enumerate(terms):
        if collinear[j]:
            sources = _sources(factor, formula, j)
            message = f"{term} follows from {', '.join(sources)} in all {n} events"
            raise RequestError(ErrorCode.COLLINEAR_FIELD, f"{message}: it has no effect of its own")
    return factor


def _sources(factor: Floats, formula: Formula, j: int) -> list[str]:
    """The terms before the j-th that it follows from: those with a share in it beyond rounding."""
    at = j + formula.intercept
    shares = np.abs(solve(factor[:at, :at], factor[:at, at]))
    sizes = [size(factor[1:, i]) or size(factor[:, i]) for i in range(at)]
    least = COLLINEAR * size(factor[formula.intercept :, at])
    named = [
        term
        for i, term in enumerate(formula.terms[:j], start=int(formula.intercept))
        if shares[i] * sizes[i] > least
    ]
    return named or [*formula.terms[:j]] or ["the intercept"]


def _check_varies(summary: Summary, field: str, *, varies: bool) -> None:
    """Refuse a field that is constant, or nearly so relative to its size.

    That includes the target: least squares would predict its one value with an interval of no
    width, a certainty that no variation supports.
    """
    j = summary.fields.index(field)
    low, high = float(summary.low[j]), float(summary.high[j])
    if low == high:
        message = f"{field} is {low:.15g} in all {summary.n} events"
    elif not varies:
        message = f"{field} varies only between {low} and {high}, too little to compute with"
    else:
        return
    raise RequestError(ErrorCode.CONSTANT_FIELD, f"{message}: it must vary")
