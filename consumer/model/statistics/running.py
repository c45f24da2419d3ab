"""One partition's sufficient statistics: everything that a regression needs, without the data.

Rows are folded in blocks counted from the partition's first labelled event, and are kept as rows
until their block is complete. So the state is a function of the events alone: polls, restarts and
snapshots do not change a bit of it. See docs/STATISTICS.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, Self

import numpy as np

from consumer.model.packed import pack
from consumer.model.statistics.blocks import Blocks
from consumer.model.statistics.factor import Floats, count, triangle, with_constant
from consumer.model.statistics.history import WINDOW, History, Times, timed_rows

BLOCK = 64
"""Rows per block. It is part of the state's definition."""


@dataclass(frozen=True, eq=False)
class StatisticsView:
    """One partition's statistics at one moment; immutable.

    What it gives beyond its attributes is computed when it is first asked for.

    Attributes:
        fields: The names of a row's k columns.
        blocks: The statistics of the complete blocks.
        history: The newest rows and the quantiles of the complete blocks; of fewer of them while
            it is read again, or where it comes from a saved one.
        pending: The rows after them, fewer than BLOCK.
        pending_timestamps: Theirs, milliseconds since the epoch.
    """

    fields: tuple[str, ...]
    blocks: Blocks
    history: History
    pending: tuple[Sequence[float], ...]
    pending_timestamps: tuple[int, ...]

    @property
    def n(self) -> int:
        """How many rows there were."""
        return self.blocks.n + len(self.pending)

    def pending_rows(self) -> Floats:
        """The rows that are not folded yet, shape (m, k)."""
        return self._pending_rows

    @cached_property
    def factor(self) -> Floats:
        """R of all rows with a constant before them, shape (1 + k, 1 + k)."""
        if not self.pending:
            return self.blocks.factor
        return triangle(self.blocks.factor, with_constant(self._pending_rows))

    @cached_property
    def low(self) -> Floats:
        """The smallest value of each field, shape (k,); infinity where there is none."""
        pending: Floats = self._pending_rows.min(axis=0, initial=np.inf)
        return np.minimum(self.blocks.low, pending) + 0.0

    @cached_property
    def high(self) -> Floats:
        """The largest, likewise."""
        pending: Floats = self._pending_rows.max(axis=0, initial=-np.inf)
        return np.maximum(self.blocks.high, pending) + 0.0

    @cached_property
    def _pending_rows(self) -> Floats:
        return as_matrix(self.pending, len(self.fields))

    def window(self) -> tuple[Floats, Times]:
        """The last rows and their timestamps, at most WINDOW, shapes (m, k) and (m,)."""
        rows = np.concatenate((self.history.rows, self.pending_rows()))
        timestamps = np.array(self.pending_timestamps, np.int64)
        return rows[-WINDOW:], np.concatenate((self.history.timestamps, timestamps))[-WINDOW:]


class SufficientStatistics:
    """The statistics of one partition; mutable, with one owner, which also takes the views.

    Args:
        fields: The names of a row's k columns.

    Attributes:
        history: Of the complete blocks. One that is taken up may be behind, and is to be replaced
            by one that has read again; or ahead, and takes no block that it has.
    """

    def __init__(self, fields: Sequence[str]) -> None:
        self.fields = tuple(fields)
        self._blocks = Blocks.nothing(len(self.fields))
        self.history = History.nothing(len(self.fields))
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
            rows = as_matrix(self._pending, len(self.fields))
            if self.history.n == self._blocks.n:  # else it has the block, or is being read again
                self.history = self.history.plus(rows, np.array(self._timestamps, np.int64))
            self._blocks = self._blocks.plus(rows)
            self._pending.clear()
            self._timestamps.clear()
            return rows
        return None

    def view(self) -> StatisticsView:
        """The current statistics; later updates do not change the view. Costs a microsecond."""
        return StatisticsView(
            self.fields,
            self._blocks,
            self.history,
            tuple(self._pending),
            tuple(self._timestamps),
        )

    def to_state(self) -> dict[str, Any]:
        """All but the history; equal events give equal bits."""
        return self._counted() | self._blocks.to_state()

    def history_state(self) -> dict[str, Any]:
        """The history but for its sketches, and the rows after it; equal events give equal bits."""
        return self._counted() | self.history.to_state()

    def _counted(self) -> dict[str, Any]:
        return {
            "n": self.n,
            "pending": pack(as_matrix(self._pending, len(self.fields))),
            "pending_timestamps_ms": pack(np.array(self._timestamps, np.int64)),
        }

    @classmethod
    def from_state(cls, fields: Sequence[str], state: Mapping[str, Any]) -> Self:
        """Restore from :meth:`to_state`; the history is that of nothing.

        Raises:
            ValueError: It is not of statistics over these fields.
        """
        statistics = cls(fields)
        try:
            n, pending, timestamps = read_pending(state, len(statistics.fields))
            statistics._blocks = Blocks.from_state(state, n, len(statistics.fields))
        except (KeyError, TypeError, OverflowError) as error:
            raise ValueError(f"not a state of statistics over {fields}: {error!r}") from error
        statistics._pending, statistics._timestamps = pending, timestamps
        return statistics


def read_pending(state: Mapping[str, Any], k: int) -> tuple[int, list[Sequence[float]], list[int]]:
    """From either state: the number of rows in complete blocks, the rows after them, their times.

    Raises:
        KeyError: One is missing.
        ValueError: One is impossible.
    """
    n = count(state["n"])
    waiting = n % BLOCK
    rows, times = timed_rows(state["pending"], state["pending_timestamps_ms"], waiting, k)
    return n - waiting, [tuple(row) for row in rows.tolist()], times.tolist()


def as_matrix(rows: Sequence[Sequence[float]], k: int) -> Floats:
    """The rows as an array, shape (m, k); takes half the time of ``np.array(rows)``."""
    return np.fromiter(chain.from_iterable(rows), np.float64, len(rows) * k).reshape(-1, k)
