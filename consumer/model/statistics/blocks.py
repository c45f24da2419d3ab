"""The statistics of folded rows that every regression follows from: an immutable, small value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from consumer.model.packed import pack
from consumer.model.statistics.factor import Floats, finite, triangle


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """The statistics of the rows folded so far: of their fields, and of the k columns kept of them.

    Attributes:
        n: How many rows.
        factor: R of the rows' design, the intercept first, shape (1 + k, 1 + k).
        low: The smallest value of each field, shape (fields,); infinity before the first.
        high: The largest, likewise.
    """

    n: int
    factor: Floats
    low: Floats
    high: Floats

    @classmethod
    def nothing(cls, fields: int, k: int) -> Self:
        """The statistics of no rows of so many fields and columns."""
        return cls(0, np.zeros((1 + k, 1 + k)), np.full(fields, np.inf), np.full(fields, -np.inf))

    def plus(self, rows: Floats, design: Floats) -> Self:
        """The statistics with these rows added, shape (m, fields), m > 0, all finite.

        ``design`` is theirs, shape (m, 1 + k).
        """
        return type(self)(
            n=self.n + len(rows),
            factor=triangle(self.factor, design),
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
    def from_state(cls, state: Mapping[str, Any], n: int, fields: int, k: int) -> Self:
        """Restore from :meth:`to_state`, and the numbers of rows, fields and columns.

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
            return cls.nothing(fields, k)
        low, high = finite(state["min"], (fields,)), finite(state["max"], (fields,))
        if (low > high).any():
            raise ValueError("a minimum is above its maximum")
        return cls(n, factor, low, high)
