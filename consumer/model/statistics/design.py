"""The factor of a formula's columns, or why the data do not determine it."""

import math

from consumer.decode import Formula, Refusal
from consumer.model.statistics.factor import Floats, rounding, triangle
from consumer.model.statistics.summary import Summary
from contract.messages import ErrorCode

COLLINEAR = 1e-7
"""The least share of a term's deviations that the terms before it may leave unexplained.

R's ``lm`` has the same tolerance. Among the NIST sets Longley has 4e-2 left and Wampler1
5e-3; of an exact duplicate rounding leaves 1e-14 after a million events.
"""

DIGITS = 1e3
"""How far a term must exceed rounding, so that its coefficient has at least three digits."""


def open_columns(factor: Floats, n: int) -> tuple[list[bool], list[bool]]:
    """For the terms and the target: whether each is constant, and whether it is collinear.

    Args:
        factor: R of n rows [1, terms, target], shape (p + 1, p + 1).
        n: How many rows.
    """
    noise = DIGITS * rounding(n)
    constant, collinear = [], []
    for j, column in enumerate(zip(*factor.tolist(), strict=True)):
        size, deviations = math.hypot(*column), math.hypot(*column[1:])
        constant.append(deviations <= noise * size)
        collinear.append(column[j] <= max(COLLINEAR * deviations, noise * size))
    # The first term stands alone if it varies; the target may follow from the terms.
    return constant[1:], [False, *collinear[2:-1], False]


def is_open(factor: Floats, n: int) -> bool:
    """Whether :func:`design` would refuse to answer from these rows."""
    if n < len(factor):
        return True
    constant, collinear = open_columns(factor, n)
    return any(constant) or any(collinear)


def design(summary: Summary, formula: Formula) -> Floats:
    """The factor of the columns [1, terms, target], shape (p + 1, p + 1) for p coefficients.

    Raises:
        Refusal: ``too-few-events`` without residual degrees of freedom; ``constant-field`` or
            ``collinear-field`` if the data do not determine a coefficient.
    """
    n, terms = summary.n, formula.terms
    needed = len(terms) + 2
    if n < needed:
        message = f"{formula} needs at least {needed} events; there are {n}"
        raise Refusal(ErrorCode.TOO_FEW_EVENTS, message)
    names = (*terms, formula.target)
    factor = triangle(summary.factor[:, [0, *(1 + summary.fields.index(name) for name in names)]])
    constant, collinear = open_columns(factor, n)
    for field, varies_not in zip(names, constant, strict=True):
        _check_varies(summary, field, varies=not varies_not)
    for j, term in enumerate(terms):
        if collinear[j]:
            message = f"{term} follows from {', '.join(terms[:j])} in all {n} events"
            raise Refusal(ErrorCode.COLLINEAR_FIELD, f"{message}: it has no effect of its own")
    return factor


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
    raise Refusal(ErrorCode.CONSTANT_FIELD, f"{message}: it must vary")
