"""The statistics of folded rows: an immutable value of constant size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from consumer.model.statistics.factor import Floats, finite, triangle
from consumer.model.statistics.quantiles import Sketch

WINDOW = 500
"""The last rows are kept: for residual diagnostics, and exact quartiles while they are all rows."""

Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """The statistics of the rows folded so far: of their fields, and of the k columns kept of them.

    Attributes:
        n: How many rows.
        factor: R of the rows' design, the intercept first, shape (1 + k, 1 + k).
        low: The smallest value of each field, shape (fields,); infinity before the first.
        high: The largest, likewise.
        sketches: The quantiles of each field.
        rows: The last rows, at most WINDOW, shape (m, fields).
        timestamps: Theirs, milliseconds since the epoch, shape (m,).
    """

    n: int
    factor: Floats
    low: Floats
    high: Floats
    sketches: tuple[Sketch, ...]
    rows: Floats
    timestamps: Times

    @classmethod
    def nothing(cls, fields: int, k: int) -> Self:
        """The statistics of no rows of so many fields and columns."""
        return cls(
            n=0,
            factor=np.zeros((1 + k, 1 + k)),
            low=np.full(fields, np.inf),
            high=np.full(fields, -np.inf),
            sketches=(Sketch(),) * fields,
            rows=np.empty((0, fields)),
            timestamps=np.empty(0, np.int64),
        )

    def plus(self, rows: Floats, design: Floats, timestamps: Times) -> Self:
        """The statistics with these rows added, shape (m, fields), m > 0, all finite.

        ``design`` is theirs, shape (m, 1 + k).
        """
        return type(self)(
            n=self.n + len(rows),
            factor=triangle(self.factor, design),
            # Adding 0.0 turns -0.0 into 0.0: the order of the two zeros is not specified.
            low=np.minimum(self.low, rows.min(axis=0)) + 0.0,
            high=np.maximum(self.high, rows.max(axis=0)) + 0.0,
            sketches=tuple(
                sketch.plus(column) for sketch, column in zip(self.sketches, rows.T, strict=True)
            ),
            rows=np.concatenate((self.rows, rows))[-WINDOW:],
            timestamps=np.concatenate((self.timestamps, timestamps))[-WINDOW:],
        )

    def to_state(self) -> dict[str, Any]:
        """All but the sketches, as nested lists of numbers."""
        return {
            "factor": self.factor.tolist(),
            "min": self.low.tolist() if self.n else [],
            "max": self.high.tolist() if self.n else [],
            "rows": self.rows.tolist(),
            "timestamps_ms": self.timestamps.tolist(),
        }

    @classmethod
    def from_state(
        cls, state: Mapping[str, Any], n: int, sketches: Sequence[Sketch], k: int
    ) -> Self:
        """Restore from :meth:`to_state`, the number of rows, the sketches and k.

        Raises:
            ValueError: No n rows have such a state.
            KeyError: A part of the state is missing.
        """
        fields = len(sketches)
        if any(sketch.n != n for sketch in sketches):
            raise ValueError(f"a sketch does not count the {n} folded rows")
        rows, timestamps = window(state["rows"], state["timestamps_ms"], min(n, WINDOW), fields)
        factor = finite(state["factor"], (1 + k, 1 + k))
        if np.tril(factor, -1).any() or (factor.diagonal() < 0).any():
            raise ValueError("the factor is not upper triangular with a non-negative diagonal")
        if not np.isclose(factor[0, 0] ** 2, n, rtol=1e-6):
            raise ValueError(f"the factor is not that of {n} rows")
        if n == 0:
            return cls.nothing(fields, k)
        low, high = finite(state["min"], (fields,)), finite(state["max"], (fields,))
        if (rows < low).any() or (rows > high).any():
            raise ValueError("a row is outside the minimum and maximum")
        return cls(n, factor, low, high, tuple(sketches), rows, timestamps)


def window(rows: object, timestamps: object, m: int, k: int) -> tuple[Floats, Times]:
    """Rows and their timestamps from nested lists, as arrays of shapes (m, k) and (m,).

    Raises:
        ValueError: They are something else.
    """
    if m == 0 and rows == timestamps == []:
        return np.empty((0, k)), np.empty(0, np.int64)
    times = np.array(timestamps)
    if times.shape != (m,) or times.dtype != np.int64:
        raise ValueError(f"expected {m} timestamps")
    return finite(rows, (m, k)), times
