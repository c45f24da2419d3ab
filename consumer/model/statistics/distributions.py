"""Tail probabilities and quantiles of the distributions behind the table.

Straight from ``scipy.special``, whose import costs 27 MB of memory; ``scipy.stats`` gives the same
numbers for 46 MB more. Every argument is finite, every degree of freedom positive.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import special


def student_two_sided(t: float, df: int) -> float:
    """P(|T| > |t|) for Student's t."""
    return 2.0 * float(special.stdtr(df, -abs(t)))


def student_quantile(level: float, df: int) -> float:
    """The t with P(-t <= T <= t) = level for Student's t; level is between 0 and 1."""
    return -float(special.stdtrit(df, (1.0 - level) / 2.0))


def student_quantiles(level: float, df: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same for many degrees of freedom, which need not be whole."""
    return -np.asarray(special.stdtrit(df, (1.0 - level) / 2.0))


def f_upper(f: float, df_model: int, df_resid: int) -> float:
    """P(F > f) for Fisher's F."""
    return float(special.fdtrc(df_model, df_resid, f))


def chi2_upper(x: float, df: int) -> float:
    """P(X > x) for chi-squared."""
    return float(special.chdtrc(df, x))
