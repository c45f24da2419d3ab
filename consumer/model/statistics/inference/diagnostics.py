"""Residual diagnostics over the last rows.

Sufficient statistics do not give residuals, so these figures use the window of rows that the
summary keeps. They are defined as in statsmodels' OLS table:

- Omnibus: D'Agostino & Pearson, "Tests for departure from normality", Biometrika 60 (1973); skew
  by D'Agostino, "Transformation to normality of the null distribution of g1", Biometrika 57
  (1970), kurtosis by Anscombe & Glynn, "Distribution of the kurtosis statistic b2", Biometrika 70
  (1983).
- Durbin & Watson, "Testing for serial correlation in least squares regression I", Biometrika 37
  (1950).
- Jarque & Bera, "Efficient tests for normality, homoscedasticity and serial independence of
  regression residuals", Economics Letters 6 (1980).
"""

import math
from dataclasses import asdict, dataclass

import numpy as np

from consumer.model.statistics.distributions import chi2_upper
from consumer.model.statistics.factor import EPSILON, Floats
from consumer.model.statistics.kept.columns import Selection
from consumer.model.statistics.regression import Regression
from consumer.model.statistics.summary import Summary

OMNIBUS_ROWS = 8
"""The fewest rows that D'Agostino's approximation for the skew holds for."""


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """Tests on the residuals of the last rows; None if undefined, all of them on a perfect fit.

    Attributes:
        window: Rows used.
        omnibus: How far from normal in skew and kurtosis together; None under OMNIBUS_ROWS rows.
        prob_omnibus: The probability of as much by chance.
        durbin_watson: Near 2 where residuals do not depend on the one before; 0 to 4.
        jarque_bera: How far from normal, by another test.
        prob_jarque_bera: The probability of as much by chance.
        skew: 0 for a normal distribution.
        kurtosis: 3 for a normal distribution.
    """

    window: int
    omnibus: float | None = None
    prob_omnibus: float | None = None
    durbin_watson: float | None = None
    jarque_bera: float | None = None
    prob_jarque_bera: float | None = None
    skew: float | None = None
    kurtosis: float | None = None

    def to_reply(self) -> dict[str, float | None]:
        """All figures under their names, ready for JSON."""
        return asdict(self)


def diagnose(summary: Summary, regression: Regression) -> Diagnostics:
    """The residual diagnostics of a regression, over the summary's window of rows.

    ``summary`` must be the one that the regression was fitted to.
    """
    residuals = _residuals(summary, regression)
    n = len(residuals)
    if n == 0:  # every row is still to be read again
        return Diagnostics(window=0)
    largest = np.abs(residuals).max()
    if regression.quality.residual_sd == 0 or largest == 0:
        return Diagnostics(window=n)
    residuals /= largest  # so that no power overflows or underflows
    deviations = residuals - residuals.mean()
    variance = float(np.mean(deviations**2))
    if variance == 0:
        return Diagnostics(window=n)
    skew = float(np.mean(deviations**3)) / variance**1.5
    kurtosis = float(np.mean(deviations**4)) / variance**2
    omnibus = None
    if n >= OMNIBUS_ROWS:
        omnibus = skew_score(skew, n) ** 2 + kurtosis_score(kurtosis, n) ** 2
    jarque_bera = n / 6 * (skew**2 + (kurtosis - 3) ** 2 / 4)
    return Diagnostics(
        window=n,
        omnibus=omnibus,
        prob_omnibus=None if omnibus is None else chi2_upper(omnibus, 2),
        durbin_watson=float(np.sum(np.diff(residuals) ** 2) / np.sum(residuals**2)),
        jarque_bera=jarque_bera,
        prob_jarque_bera=chi2_upper(jarque_bera, 2),
        skew=skew,
        kurtosis=kurtosis,
    )


def _residuals(summary: Summary, regression: Regression) -> Floats:
    """The residuals of the window's rows, shape (m,)."""
    events = Selection(regression.formula, summary.columns).events(summary.window())
    coefficients = np.array([row.coef for row in regression.coefficients.values()])
    return np.asarray(events[:, -1] - events[:, :-1] @ coefficients)


def skew_score(skew: float, n: int) -> float:
    """The sample skew of n >= 8 normal values as a standard normal score (D'Agostino 1970)."""
    y = skew * math.sqrt((n + 1) * (n + 3) / (6 * (n - 2)))
    beta2 = 3 * (n**2 + 27 * n - 70) * (n + 1) * (n + 3) / ((n - 2) * (n + 5) * (n + 7) * (n + 9))
    w2 = math.sqrt(2 * (beta2 - 1)) - 1
    return math.asinh(y / math.sqrt(2 / (w2 - 1))) / math.sqrt(math.log(w2) / 2)


def kurtosis_score(kurtosis: float, n: int) -> float:
    """The sample kurtosis of n >= 5 normal values as a standard normal score (Anscombe & Glynn)."""
    mean = 3 * (n - 1) / (n + 1)
    variance = 24 * n * (n - 2) * (n - 3) / ((n + 1) ** 2 * (n + 3) * (n + 5))
    x = (kurtosis - mean) / math.sqrt(variance)
    skew = 6 * (n**2 - 5 * n + 2) / ((n + 7) * (n + 9))
    skew *= math.sqrt(6 * (n + 3) * (n + 5) / (n * (n - 2) * (n - 3)))
    a = 6 + 8 / skew * (2 / skew + math.sqrt(1 + 4 / skew**2))
    pole = 1 + x * math.sqrt(2 / (a - 4)) or EPSILON  # on the pole itself: far out, yet finite
    return (1 - 2 / (9 * a) - math.cbrt((1 - 2 / a) / pole)) / math.sqrt(2 / (9 * a))
