"""The statistics of folded rows that every regression follows from: an immutable, small value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from consumer.model.packed import pack
from consumer.model.statistics.factor import Floats, finite, triangle, with_constant


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """The statistics of the rows folded so far, of k fields.

    Attributes:
        n: How many rows.
        factor: R of the rows with a constant before them, shape (1 + k, 1 + k).
        low: The smallest value of each field, shape (k,); infinity before the first.
        high: The largest, likewise.
    """

    n: int
    factor: Floats
    low: Floats
    high: Floats

    @classmethod
    def nothing(cls, k: int) -> Self:
        """The statistics of no rows."""
        return cls(0, np.zeros((1 + k, 1 + k)), np.full(k, np.inf), np.full(k, -np.inf))

    def plus(self, rows: Floats) -> Self:
        """The statistics with these rows added, shape (m, k), m > 0, all finite."""
        return type(self)(
            n=self.n + len(rows),
            factor=triangle(self.factor, with_constant(rows)),
            # Adding 0.0 turns -0.0 into 0.0: the order of the two zeros is not specified.
            low=np.minimum(self.low, rows.min(axis=0)) + 0.0,
            high=np.maximum(self.high, rows.max(axis=0)) + 0.0,
        )

    def to_state(self) -> dict[str, Any]:
        """The factor packed, the extremes as lists."""
        return {
            "factor": pack(self.factor),
            "min": self.low.tolist() if self.n else [],
            "max": self.high.tolist() if self.n else [],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any], n: int, k: int) -> Self:
        """Restore from :meth:`to_state`, and the numbers of rows and fields.

        Raises:
            ValueError: No n rows have such a state.
            KeyError: A part of the state is missing.
        """
        factor = finite(state["factor"], (1 + k, 1 + k))
        if np.tril(factor, -1).any() or (factor.diagonal() < 0).any():
            raise ValueError("the factor is not upper triangular with a non-negative diagonal")
        if not np.isclose(factor[0, 0] ** 2, n, rtol=1e-6):
            raise ValueError(f"the factor is not that of {n} rows")
        if n == 0:
            return cls.nothing(k)
        low, high = finite(state["min"], (k,)), finite(state["max"], (k,))
        if (low > high).any():
            raise ValueError("a minimum is above its maximum")
        return cls(n, factor, low, high)
