"""One partition's sufficient statistics: everything that a regression needs, without the data.

Rows are folded in blocks counted from the partition's first labelled event, and are kept as rows
until their block is complete. So the state is a function of the events alone: polls, restarts and
snapshots do not change a bit of it. See docs/STATISTICS.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Self

import numpy as np

from consumer.model.statistics.blocks import WINDOW, Blocks, Times, window
from consumer.model.statistics.columns import Columns
from consumer.model.statistics.factor import Floats
from consumer.model.statistics.quantiles import Sketch

BLOCK = 64
"""Rows per block. It is part of the state's definition."""


@dataclass(frozen=True, slots=True, eq=False)
class StatisticsView:
    """One partition's statistics at one moment; immutable.

    Attributes:
        columns: What is kept of a row.
        blocks: The statistics of the complete blocks.
        pending: The rows after them, fewer than BLOCK.
        pending_timestamps: Theirs, milliseconds since the epoch.
    """

    columns: Columns
    blocks: Blocks
    pending: tuple[Sequence[float], ...]
    pending_timestamps: tuple[int, ...]

    @property
    def n(self) -> int:
        """How many rows there were."""
        return self.blocks.n + len(self.pending)

    def pending_rows(self) -> Floats:
        """The rows that are not folded yet, shape (m, fields)."""
        return _matrix(self.pending, len(self.columns.fields))

    def window(self) -> tuple[Floats, Times]:
        """The last rows and their timestamps, at most WINDOW, shapes (m, k) and (m,)."""
        rows = np.concatenate((self.blocks.rows, self.pending_rows()))
        timestamps = np.array(self.pending_timestamps, np.int64)
        return rows[-WINDOW:], np.concatenate((self.blocks.timestamps, timestamps))[-WINDOW:]


class SufficientStatistics:
    """The statistics of one partition; mutable, with one owner, which also takes the views.

    Args:
        columns: What is kept of a row; or the names of its k numbers, which then are the columns.
    """

    def __init__(self, columns: Columns | Sequence[str]) -> None:
        self.columns = columns if isinstance(columns, Columns) else Columns(tuple(columns))
        self.fields = self.columns.fields
        self._blocks = Blocks.nothing(len(self.fields), self.columns.k)
        self._pending: list[Sequence[float]] = []
        self._timestamps: list[int] = []

    @property
    def n(self) -> int:
        """How many rows there were."""
        return self._blocks.n + len(self._pending)

    @property
    def folded(self) -> int:
        """How many of them are in complete blocks."""
        return self._blocks.n

    @property
    def factor(self) -> Floats:
        """R of the rows of the complete blocks, a constant before each, shape (1 + k, 1 + k)."""
        return self._blocks.factor

    def update(self, row: Sequence[float], timestamp_ms: int) -> Floats | None:
        """Add one labelled event; returns the rows of the block it completes, shape (BLOCK, k).

        Args:
            row: A finite number for each field, in their order, at most 1e12 in magnitude.
            timestamp_ms: The record's timestamp, 64 bits as Kafka has it.
        """
        self._pending.append(row)
        self._timestamps.append(timestamp_ms)
        if len(self._pending) == BLOCK:
            rows = _matrix(self._pending, len(self.fields))
            times = np.array(self._timestamps, np.int64)
            self._blocks = self._blocks.plus(rows, self.columns.design(rows), times)
            self._pending.clear()
            self._timestamps.clear()
            return rows
        return None

    def view(self) -> StatisticsView:
        """The current statistics; later updates do not change the view. Costs a microsecond."""
        return StatisticsView(
            self.columns, self._blocks, tuple(self._pending), tuple(self._timestamps)
        )

    def to_state(self) -> dict[str, Any]:
        """All but the sketches, in types that JSON round-trips exactly.

        Equal events give equal bits.
        """
        return {
            "n": self.n,
            **self._blocks.to_state(),
            "pending": _matrix(self._pending, len(self.fields)).tolist(),
            "pending_timestamps_ms": self._timestamps.copy(),
        }

    def sketches(self) -> dict[str, str]:
        """The quantile sketch of each field as text; not deterministic."""
        sketches = zip(self.fields, self._blocks.sketches, strict=True)
        return {field: sketch.to_text() for field, sketch in sketches}

    @classmethod
    def from_state(
        cls,
        columns: Columns | Sequence[str],
        state: Mapping[str, Any],
        sketches: Mapping[str, str],
    ) -> Self:
        """Restore from :meth:`to_state` and the sketches.

        Raises:
            ValueError: They are not of statistics over these fields.
        """
        statistics = cls(columns)
        fields = statistics.fields
        try:
            statistics._restore(state, [Sketch.from_text(sketches[field]) for field in fields])
        except (KeyError, TypeError, OverflowError, RuntimeError) as error:
            raise ValueError(f"not a state of statistics over {fields}: {error!r}") from error
        return statistics

    def _restore(self, state: Mapping[str, Any], sketches: Sequence[Sketch]) -> None:
        n = state["n"]
        if type(n) is not int or n < 0:
            raise ValueError(f"n is not a count: {n!r}")
        waiting = n % BLOCK
        self._blocks = Blocks.from_state(state, n - waiting, sketches, self.columns.k)
        rows, timestamps = window(
            state["pending"], state["pending_timestamps_ms"], waiting, len(self.fields)
        )
        self._pending = [tuple(row) for row in rows.tolist()]
        self._timestamps = timestamps.tolist()


def _matrix(rows: Sequence[Sequence[float]], k: int) -> Floats:
    """The rows as an array, shape (m, k); takes half the time of ``np.array(rows)``."""
    return np.fromiter(chain.from_iterable(rows), np.float64, len(rows) * k).reshape(-1, k)
