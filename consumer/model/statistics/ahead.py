"""Predictions one step ahead: each event from all those before it, and how sure that was."""

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from consumer.model.statistics.factor import Floats


class Ahead(NamedTuple):
    """Events, each predicted from what was known before it.

    Attributes:
        errors: Target less prediction, shape (n,); NaN if that would have been refused.
        spread: What the prediction's interval is a multiple of, s sqrt(1 + h) with s the residual
            standard deviation and h the leverage, in the target's unit, shape (n,); 0 where the
            fit was perfect, NaN where there is no interval.
        df: The residual degrees of freedom there, shape (n,).
    """

    errors: Floats
    spread: Floats
    df: Floats

    @classmethod
    def without_intervals(cls, errors: Floats) -> Self:
        """From the errors alone, shape (n,)."""
        return cls(errors, np.full(len(errors), np.nan), np.ones(len(errors)))

    def those(self, chosen: NDArray[np.bool_]) -> Self:
        """Of these events alone, shape (n,)."""
        return type(self)(*(column[chosen] for column in self))
