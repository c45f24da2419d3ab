"""What no regression needs of the folded rows: the newest of them, and the quantiles of all.

Large beside the rest of a partition's statistics, and a fold of the same blocks: so it is saved
apart, less often, and may be as of an earlier block.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from consumer.model.packed import pack, unpack
from consumer.model.statistics.factor import Floats, finite
from consumer.model.statistics.kept.columns import Columns
from consumer.model.statistics.kept.quantiles import Sketch

WINDOW = 500
"""The last rows are kept: for residual diagnostics, and exact quartiles while they are all rows."""

Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """The history of the rows folded so far, of k fields; immutable.

    Attributes:
        n: How many rows.
        sketches: The quantiles of each field.
        rows: The last rows, at most WINDOW, shape (m, k).
        timestamps: Theirs, milliseconds since the epoch, shape (m,).
    """

    n: int
    sketches: tuple[Sketch, ...]
    rows: Floats
    timestamps: Times

    @classmethod
    def nothing(cls, k: int) -> Self:
        """The history of no rows."""
        return cls(0, (Sketch(),) * k, np.empty((0, k)), np.empty(0, np.int64))

    def plus(self, rows: Floats, timestamps: Times) -> Self:
        """The history with these rows added, shape (m, k), m > 0; NaN where one lacks a field."""
        return type(self)(
            n=self.n + len(rows),
            sketches=tuple(
                sketch.plus(column) for sketch, column in zip(self.sketches, rows.T, strict=True)
            ),
            rows=np.concatenate((self.rows, rows))[-WINDOW:],
            timestamps=np.concatenate((self.timestamps, timestamps))[-WINDOW:],
        )

    def to_state(self) -> dict[str, Any]:
        """All but the sketches, packed."""
        return {"rows": pack(self.rows), "timestamps_ms": pack(self.timestamps)}

    def sketch_texts(self, fields: Sequence[str]) -> dict[str, str]:
        """The quantile sketch of each field as text; not deterministic."""
        return {
            field: sketch.to_text() for field, sketch in zip(fields, self.sketches, strict=True)
        }

    @classmethod
    def from_state(
        cls, state: Mapping[str, Any], n: int, sketches: Sequence[Sketch], columns: Columns
    ) -> Self:
        """Restore from :meth:`to_state`, the number of rows, the sketches and the columns.

        Raises:
            ValueError: No n rows have such a history.
            KeyError: A part of the state is missing.
        """
        if any(sketch.n > n or (columns.whole and sketch.n < n) for sketch in sketches):
            raise ValueError(f"a sketch does not count the {n} folded rows")
        rows, timestamps = timed_rows(
            state["rows"], state["timestamps_ms"], min(n, WINDOW), columns
        )
        return cls(n, tuple(sketches), rows, timestamps)


def timed_rows(rows: object, timestamps: object, m: int, columns: Columns) -> tuple[Floats, Times]:
    """Rows and their timestamps from a state, as arrays of shapes (m, fields) and (m,).

    Raises:
        ValueError: They are something else.
    """
    k = len(columns.fields)
    if m == 0 and rows == timestamps == []:  # as format 2 had it
        return np.empty((0, k)), np.empty(0, np.int64)
    times = unpack(timestamps, np.int64) if type(timestamps) is str else np.array(timestamps)
    if times.shape != (m,) or times.dtype != np.int64:
        raise ValueError(f"expected {m} timestamps")
    return finite(rows, (m, k), gaps=not columns.whole), times
