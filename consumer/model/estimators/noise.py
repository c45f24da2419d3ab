"""The noise of a regression as it becomes known, event by event."""

import math
from typing import NamedTuple

import numpy as np

from consumer.model.statistics.factor import Floats, rounding
from consumer.model.statistics.kept.running import BLOCK

_NUMBERS = np.arange(1.0 + BLOCK)


class Noise(NamedTuple):
    """The noise as a regression knows it before each of m events, and after the last.

    Attributes:
        sd: The residual standard deviation, shape (..., m + 1); 0 where the fit is perfect.
        df: The residual degrees of freedom, of the same shape.
    """

    sd: Floats
    df: Floats


def noise(n: int | Floats, column: Floats, scaled: Floats, targets: Floats) -> Noise:
    """How the noise becomes known: the residuals' norm grows by each scaled error in turn.

    Brown, Durbin, Evans (see ``one_step_ahead``), lemma 2. Many blocks at once may be given.

    Args:
        n: How many events are known, which determine every coefficient; shape (..., 1) of many.
        column: The last of their factor, shape (..., p + 1).
        scaled: The errors of further events in predictive standard deviations, shape (..., m).
        targets: Their targets, shape (..., m).
    """
    unexplained = _norms(column[..., -1:], scaled)
    events = n + _NUMBERS[: unexplained.shape[-1]]
    df = events - (column.shape[-1] - 1)
    sd = unexplained / np.sqrt(df)
    # The targets' norm is at most their largest size by the root of their number.
    largest = max(abs(column).max(), abs(targets).max()) * math.sqrt(column.size + targets.size)
    if unexplained.min() <= rounding(float(events.max())) * largest:
        whole = _norms(np.hypot.reduce(column, axis=-1, keepdims=True), targets)
        sd[unexplained <= rounding(events) * whole] = 0.0
    return Noise(sd, df)


def _norms(first: Floats, more: Floats) -> Floats:
    """The norm of a column as it grows by one number after the other."""
    grown = np.concatenate((first, more), axis=-1)
    return np.asarray(np.hypot.accumulate(grown, axis=-1))
