"""What each term adds to a formula: how much of it the others know, and what the fit loses with it.

All of it stands in the factor U of the design [1, terms] and the rows of its inverse, so no cross
product is formed and nothing is fitted again. Row j of the inverse has the length 1 / d, d the part
of the term's column that the others leave unexplained (Golub & Van Loan, section 5.3).
"""

import math
from dataclasses import dataclass

from consumer.decode import INTERCEPT
from consumer.model.statistics.factor import size
from consumer.model.statistics.regression import Regression


@dataclass(frozen=True, slots=True)
class Contribution:
    """One term beside all the others of the formula; None where the fit is perfect.

    Attributes:
        vif: The variance inflation factor, at least 1: the variance of its coefficient over what it
            would be if no other term were correlated with it (Marquardt 1970).
        partial_r2: Of the variance that the others leave unexplained, the share that it explains.
        f: F of the fit with it against the fit without it, with 1 and df_resid degrees of freedom.
        p: F's tail probability; the coefficient's p.
    """

    vif: float
    partial_r2: float | None
    f: float | None
    p: float | None


def contributions(regression: Regression) -> dict[str, Contribution]:
    """Each term's contribution by its name, without the intercept."""
    rows = list(regression.coefficients.items())
    first = sum(name == INTERCEPT for name, _ in rows)
    found = {}
    for j, (name, row) in enumerate(rows[first:], first):
        vif = (size(regression.factor[first:, j]) * size(regression.inverse[j])) ** 2
        if row.t is None:
            found[name] = Contribution(vif, None, None, None)
        else:
            share = row.t / math.hypot(row.t, math.sqrt(regression.df_resid))
            found[name] = Contribution(vif, share * share, row.t * row.t, row.p)
    return found
