"""How well a regression fits: the upper half of the OLS table, as statsmodels defines it."""

import math
from dataclasses import dataclass

from consumer.model.statistics.distributions import f_upper


@dataclass(frozen=True, slots=True)
class Quality:
    """The fit in figures. The last five are None where the fit is perfect.

    Attributes:
        residual_sd: The noise's estimated standard deviation, in the target's unit.
        r2: The share of the target's variance that is explained, 0 to 1.
        adjusted_r2: The same, corrected for the number of terms.
        f: The test statistic against ``~ 1``; None for ``~ 1`` itself.
        prob_f: Its tail probability; None where f is.
        log_likelihood: Of Gaussian noise.
        aic: Akaike's criterion, the noise's variance not counted among the parameters.
        bic: Schwarz's criterion, likewise.
    """

    residual_sd: float
    r2: float
    adjusted_r2: float
    f: float | None
    prob_f: float | None
    log_likelihood: float | None
    aic: float | None
    bic: float | None


def judge(
    explained: float, unexplained: float, n: int, p: int, *, constant: bool = True
) -> Quality:
    """The quality of a fit of p coefficients to n events.

    Args:
        explained: Root of the sum of squares that the terms explain, about the mean; about 0 if
            they do not add up to a constant.
        unexplained: Root of the residual sum of squares; not both are 0.
        n: Events, more than p.
        p: Coefficients, the intercept included.
        constant: Whether the terms add up to a constant, as an intercept or a category in full do.
    """
    df_model, df_resid = p - constant, n - p
    total = math.hypot(explained, unexplained)
    f = log_likelihood = None
    if unexplained > 0:
        # Roots are divided before squaring, so that nothing overflows or underflows.
        log_variance = 2 * math.log(unexplained / math.sqrt(n))
        log_likelihood = -n / 2 * (math.log(2 * math.pi) + log_variance + 1)
        if df_model > 0:
            f = (explained / unexplained) ** 2 * df_resid / df_model
    return Quality(
        residual_sd=unexplained / math.sqrt(df_resid),
        r2=(explained / total) ** 2,
        adjusted_r2=1 - (unexplained / total) ** 2 * (n - constant) / df_resid,
        f=f,
        prob_f=None if f is None else f_upper(f, df_model, df_resid),
        log_likelihood=log_likelihood,
        aic=None if log_likelihood is None else 2 * p - 2 * log_likelihood,
        bic=None if log_likelihood is None else p * math.log(n) - 2 * log_likelihood,
    )
