"""P-values and intervals that hold however often a stream is looked at.

The textbook's p-value is right for one look, decided on beforehand. Looked at after each of 2,000
events, it shows p < 0.05 at some time in more than half of all streams without an effect. These
hold for all looks together: without an effect at most one stream in twenty ever shows p < 0.05, and
in at least nineteen of twenty the true coefficient is inside the interval at all times. What that
assumes is in docs/STATISTICS.md, "Looking at all times".

Lindon, Ham, Tingley, Bojinov, "Anytime-valid linear models and regression adjusted causal inference
in randomized experiments", arXiv 2210.08589; the R package ``avlm`` has the same figures. With n
events, nu residual degrees of freedom, t the usual statistic, g fixed beforehand, r = g / (g + n):

    log G = log(r) / 2 + (nu + 1) / 2 (log(1 + t^2 / nu) - log(1 + r t^2 / nu))

is the likelihood ratio of a normal mixture of effects against none, of precision g events, and
p = min(1, 1 / G). The interval holds the effects with p >= 1 - LEVEL.
"""

import math
from dataclasses import dataclass

from consumer.model.statistics.regression import LEVEL, Regression

PLANNED_EVENTS = 1000
"""The planned sample size, at which the intervals are narrowest, if no other is set."""

_LOG_ALPHA = math.log1p(-LEVEL)


@dataclass(frozen=True, slots=True)
class AlwaysValid:
    """A coefficient, judged for all looks together.

    Attributes:
        p: The always-valid p-value of no effect; None where the fit is perfect.
        low: Lower end of the confidence sequence at LEVEL, in the target's unit per unit of the
            term; None while there are too few events for any bound, or it exceeds a double.
        high: Upper end, likewise.
    """

    p: float | None
    low: float | None
    high: float | None


def always_valid(regression: Regression, g: float) -> dict[str, AlwaysValid]:
    """Each coefficient's figures by term, the intercept first.

    Args:
        regression: The fitted formula.
        g: The precision of the mixture in events, positive, fixed before the first event.
    """
    n, df = regression.n, regression.df_resid
    width = half_width(n, df, g)
    return {
        term: AlwaysValid(
            p=None if row.t is None else p_value(row.t, n, df, g),
            low=_bound(row.coef, -width, row.se),
            high=_bound(row.coef, width, row.se),
        )
        for term, row in regression.coefficients.items()
    }


def p_value(t: float, n: int, df: int, g: float) -> float:
    """The always-valid p-value of a t statistic, 0 to 1.

    The two logarithms are taken as one, of a quotient that neither overflows nor cancels.

    Args:
        t: A coefficient over its standard error.
        n: Events.
        df: Residual degrees of freedom, positive.
        g: The mixture's precision.
    """
    if t == 0:
        return 1.0
    root = math.sqrt(df) / t
    quotient = n / ((g + n) * (root * root) + g)
    log_ratio = ((df + 1) * math.log1p(quotient) - math.log1p(n / g)) / 2
    return math.exp(min(0.0, -log_ratio))


def half_width(n: int, df: int, g: float) -> float:
    """Half of the confidence sequence's width at LEVEL, in standard errors.

    sqrt(nu (1 - u) / (u - r)) with u = (r alpha^2)^(1 / (nu + 1)), from log(r) and log(u / r).

    Returns:
        A positive number; infinite while u <= r, when no effect can be excluded.
    """
    log_inverse_r = math.log1p(n / g)
    log_u = (2 * _LOG_ALPHA - log_inverse_r) / (df + 1)
    log_u_over_r = log_u + log_inverse_r
    if log_u_over_r <= 0:
        return math.inf
    return math.sqrt(df * -math.expm1(log_u) / math.expm1(log_u_over_r) * (1 + n / g))


def optimal_g(n: int, coefficients: int) -> float:
    """The g that makes the confidence sequences narrowest after n events.

    As ``optimal_g`` of ``avlm``, which searches for it; here the derivative's root, which says

        n / g = (nu + 1) (1 / u - 1)

    is approached from n / g = 1 by putting the right side for the left: its logarithm grows more
    slowly than that of n / g, so the steps shrink to nothing. For many events it is n / 8.2.

    Args:
        n: Events, more than the coefficients.
        coefficients: How many the formula has, with the intercept.
    """
    m = n - coefficients + 1
    ratio, before = 1.0, 0.0
    while not math.isclose(ratio, before, rel_tol=1e-12):
        before = ratio
        ratio = m * math.expm1((math.log1p(ratio) - 2 * _LOG_ALPHA) / m)
    return n / ratio


def _bound(coef: float, width: float, se: float) -> float | None:
    if math.isinf(width):
        return None
    bound = coef + width * se
    return bound if math.isfinite(bound) else None
