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
from consumer.model.statistics.factor import Floats, count
from consumer.model.statistics.kept.blocks import Blocks, Gap, Rows, gap_of
from consumer.model.statistics.kept.columns import Columns
from consumer.model.statistics.kept.history import WINDOW, History, Times, timed_rows
from consumer.model.statistics.kept.pairs import Pairs

BLOCK = 64
"""Rows per block. It is part of the state's definition."""

MAX_GAPS = 64
"""The most sets of fields that rows may lack, each with a factor of its own."""

MAX_GAP_NUMBERS = 65_536
"""The most numbers in all of their factors: half a megabyte in a snapshot."""


@dataclass(frozen=True, eq=False)
class StatisticsView:
    """One partition's statistics at one moment; immutable.

    Attributes:
        columns: What is kept of a row.
        blocks: The statistics of the complete blocks.
        history: The newest rows and the quantiles of the complete blocks; of fewer of them while
            it is read again, or where it comes from a saved one.
        pending: The rows after them, fewer than BLOCK.
        pending_timestamps: Theirs, milliseconds since the epoch.
        pairs: The products of every two columns, of the complete blocks; None if not kept.
    """

    columns: Columns
    blocks: Blocks
    history: History
    pending: tuple[Sequence[float], ...]
    pending_timestamps: tuple[int, ...]
    pairs: Pairs | None = None

    @property
    def n(self) -> int:
        """How many rows there were."""
        return self.blocks.n + len(self.pending)

    @cached_property
    def pending_rows(self) -> Floats:
        """The rows that are not folded yet, shape (m, fields)."""
        return as_matrix(self.pending, len(self.columns.fields))

    def window(self) -> tuple[Floats, Times]:
        """The last rows and their timestamps, at most WINDOW, shapes (m, k) and (m,)."""
        rows = np.concatenate((self.history.rows, self.pending_rows))
        timestamps = np.array(self.pending_timestamps, np.int64)
        return rows[-WINDOW:], np.concatenate((self.history.timestamps, timestamps))[-WINDOW:]


class SufficientStatistics:
    """The statistics of one partition; mutable, with one owner, which also takes the views.

    Args:
        columns: What is kept of a row; or the names of its k numbers, which then are the columns.

    Attributes:
        history: Of the complete blocks. One that is taken up may be behind, and is to be replaced
            by one that has read again; or ahead, and takes no block that it has.
    """

    def __init__(self, columns: Columns | Sequence[str]) -> None:
        self.columns = columns if isinstance(columns, Columns) else Columns(tuple(columns))
        self.fields = self.columns.fields
        self._blocks = Blocks.nothing(len(self.fields), self.columns.k)
        self._pairs = Pairs() if self.columns.keeps_pairs else None
        self.history = History.nothing(len(self.fields))
        self._pending: list[Sequence[float]] = []
        self._timestamps: list[int] = []
        self._gaps: set[Gap] = set()

    @property
    def n(self) -> int:
        """How many rows there were."""
        return self._blocks.n + len(self._pending)

    @property
    def folded(self) -> int:
        """How many of them are in complete blocks."""
        return self._blocks.n

    def over(self, needed: frozenset[int]) -> Rows:
        """The rows of the complete blocks that have these fields."""
        return self._blocks.over(needed)

    def admits(self, row: Sequence[float]) -> bool:
        """Whether a row can be kept: one with a gap of a new kind cannot if there are too many.

        Whatever is not admitted once never is, and what is admitted always is.
        """
        total = sum(row)
        if total == total:  # noqa: PLR0124 - NaN is not: it lacks nothing
            return True
        gap = gap_of(row)
        if gap not in self._gaps:
            if len(self._gaps) >= MAX_GAPS:
                return False
            numbers = [len(self.columns.without(frozenset(it))) for it in (*self._gaps, gap)]
            if sum(n * (n + 1) // 2 for n in numbers) > MAX_GAP_NUMBERS:
                return False
            self._gaps.add(gap)
        return True

    def has_admitted(self, row: Sequence[float]) -> bool:
        """Whether a row like this one has been admitted."""
        total = sum(row)
        return total == total or gap_of(row) in self._gaps  # noqa: PLR0124 - NaN is not

    def update(self, row: Sequence[float], timestamp_ms: int) -> Floats | None:
        """Add one labelled event; returns the rows of the block it completes, shape (BLOCK, k).

        Args:
            row: A number for each field, in their order, at most 1e12 in magnitude; NaN for one
                that it lacks, if it is admitted.
            timestamp_ms: The record's timestamp, 64 bits as Kafka has it.
        """
        self._pending.append(row)
        self._timestamps.append(timestamp_ms)
        if len(self._pending) == BLOCK:
            rows = as_matrix(self._pending, len(self.fields))
            if self.history.n == self._blocks.n:  # else it has the block, or is being read again
                self.history = self.history.plus(rows, np.array(self._timestamps, np.int64))
            self._blocks = self._blocks.plus(rows, self.columns)
            if self._pairs is not None:
                self._pairs = self._pairs.plus(rows, self.columns)
            self._pending.clear()
            self._timestamps.clear()
            return rows
        return None

    def view(self) -> StatisticsView:
        """The current statistics; later updates do not change the view. Costs a microsecond."""
        return StatisticsView(
            self.columns,
            self._blocks,
            self.history,
            tuple(self._pending),
            tuple(self._timestamps),
            self._pairs,
        )

    def to_state(self) -> dict[str, Any]:
        """All but the history; equal events give equal bits."""
        state = self._counted() | self._blocks.to_state(self.columns)
        if self._pairs is not None:
            state["pairs"] = self._pairs.to_state(self.columns)
        return state

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
    def from_state(cls, columns: Columns | Sequence[str], state: Mapping[str, Any]) -> Self:
        """Restore from :meth:`to_state`; the history is that of nothing.

        Raises:
            ValueError: It is not of statistics over these fields.
        """
        statistics = cls(columns)
        fields = statistics.fields
        try:
            n, pending, timestamps = read_pending(state, statistics.columns)
            statistics._blocks = Blocks.from_state(state, n, statistics.columns)
            if statistics.columns.keeps_pairs and (n or "pairs" in state):
                statistics._pairs = _read_pairs(state, n, statistics.columns)
        except (KeyError, TypeError, OverflowError) as error:
            raise ValueError(f"not a state of statistics over {fields}: {error!r}") from error
        statistics._pending, statistics._timestamps = pending, timestamps
        statistics._gaps = {*statistics._blocks.gaps, *map(gap_of, pending)} - {()}
        return statistics


def read_pending(
    state: Mapping[str, Any], columns: Columns
) -> tuple[int, list[Sequence[float]], list[int]]:
    """From either state: the number of rows in complete blocks, the rows after them, their times.

    Raises:
        KeyError: One is missing.
        ValueError: One is impossible.
    """
    n = count(state["n"])
    waiting = n % BLOCK
    rows, times = timed_rows(state["pending"], state["pending_timestamps_ms"], waiting, columns)
    return n - waiting, [tuple(row) for row in rows.tolist()], times.tolist()


def _read_pairs(state: Mapping[str, Any], n: int, columns: Columns) -> Pairs | None:
    """The pairs; None in a state that began without them, and so never has them."""
    if "pairs" not in state:
        return None
    pairs = Pairs.from_state(state["pairs"], columns)
    if sum(rows.n for rows in pairs.gaps.values()) != n:
        raise ValueError(f"the pairs are not those of {n} rows")
    return pairs


def as_matrix(rows: Sequence[Sequence[float]], k: int) -> Floats:
    """The rows as an array, shape (m, k); takes half the time of ``np.array(rows)``."""
    return np.fromiter(chain.from_iterable(rows), np.float64, len(rows) * k).reshape(-1, k)
