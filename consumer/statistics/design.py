"""The design of a formula: its own factor, or why the data cannot answer it."""

from consumer.formula import Formula
from consumer.refusal import Refusal
from consumer.statistics.factor import Floats, rounding, size, triangle
from consumer.statistics.summary import Summary
from contract.messages import ErrorCode

COLLINEAR = 1e-7
"""What must be left of a term's deviations when the terms before it are taken out, as a share.

R's ``lm`` draws its line at the same number. Among the NIST sets Longley has 4e-2 left and Wampler1
5e-3; of an exact duplicate rounding leaves 1e-14 after a million events.
"""

DIGITS = 1e3
"""How far a term must stand out of the rounding: its coefficient has three digits at least."""


def design(summary: Summary, formula: Formula) -> Floats:
    """The factor of the columns [1, terms, target], shape (p + 1, p + 1) for p coefficients.

    Raises:
        Refusal: ``too-few-events`` where no event is left over to judge the fit by;
            ``constant-field`` or ``collinear-field`` where the data leave a coefficient open.
    """
    n, terms = summary.n, formula.terms
    needed = len(terms) + 2
    if n < needed:
        message = f"{formula} takes {needed} events at least, there are {n}"
        raise Refusal(ErrorCode.TOO_FEW_EVENTS, message)
    for field in (formula.target, *terms):
        _check_varies(summary, field)
    columns = [1 + summary.fields.index(field) for field in (*terms, formula.target)]
    factor = triangle(summary.factor[:, [0, *columns]])
    for j in range(2, len(terms) + 1):
        if not _stands_out(factor[: j + 1, j], n):
            message = f"{terms[j - 1]} follows from {', '.join(terms[: j - 1])} in all {n} events"
            raise Refusal(ErrorCode.COLLINEAR_FIELD, f"{message}: it has no effect of its own")
    return factor


def _check_varies(summary: Summary, field: str) -> None:
    """Refuse a field that is constant, or nearly so beside its size.

    That goes for the target too. Least squares would give its one value back with an interval of
    no width, and a certainty that rests on no variation is a guess.
    """
    j = summary.fields.index(field)
    low, high = float(summary.low[j]), float(summary.high[j])
    column = summary.column(field)
    if low == high:
        message = f"{field} is {low:.15g} in all {summary.n} events"
    elif size(column[1:]) <= DIGITS * rounding(summary.n) * size(column):
        message = f"{field} lies between {low} and {high}, too narrow to compute with"
    else:
        return
    raise Refusal(ErrorCode.CONSTANT_FIELD, f"{message}: it must vary")


def _stands_out(column: Floats, n: int) -> bool:
    """Whether the last entry, what no other term explains, is more than rounding."""
    left, deviations = column[-1], size(column[1:])
    return bool(left > max(COLLINEAR * deviations, DIGITS * rounding(n) * size(column)))
