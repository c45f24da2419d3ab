"""The sum of all partitions' statistics at one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from consumer.model.statistics.factor import Floats, triangle
from consumer.model.statistics.kept.blocks import Gap, Rows, by_gap, joined, narrow
from consumer.model.statistics.kept.columns import Columns
from consumer.model.statistics.kept.history import WINDOW
from consumer.model.statistics.kept.quantiles import Sketch
from consumer.model.statistics.kept.running import StatisticsView


@dataclass(frozen=True, eq=False)
class Summary:
    """The statistics of all rows of all partitions; immutable.

    Attributes:
        columns: What is kept of a row.
        n: How many rows there were without a gap.
        factor: R of their design, the intercept first, shape (1 + k, 1 + k).
        pending: The rows that are in no complete block of their partition, shape (m, fields).
        parts: The views that were summed.
        gaps: The other rows, by what they lack.
    """

    columns: Columns
    n: int
    factor: Floats
    pending: Floats
    parts: tuple[StatisticsView, ...]
    gaps: Mapping[Gap, Rows] = field(default_factory=dict)

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of a row's numbers."""
        return self.columns.fields

    @cached_property
    def low(self) -> Floats:
        """The smallest value of each field, shape (fields,); infinity where there is none."""
        lows = [part.blocks.low for part in self.parts]
        lowest: Floats = np.minimum.reduce([*lows, np.fmin.reduce(self.pending, initial=np.inf)])
        return lowest + 0.0

    @cached_property
    def high(self) -> Floats:
        """The largest, likewise."""
        highs = [part.blocks.high for part in self.parts]
        most = np.fmax.reduce(self.pending, initial=-np.inf)
        highest: Floats = np.maximum.reduce([*highs, most])
        return highest + 0.0

    @property
    def total(self) -> int:
        """How many rows there were."""
        return sum(part.n for part in self.parts)

    def over(self, needed: frozenset[int]) -> "Summary":
        """The statistics of the rows that have these fields; all of them, if none has gaps."""
        n, factor = joined([Rows(self.n, self.factor)], self.gaps, needed)
        return replace(self, n=n, factor=factor, gaps={})

    def count(self, field: str) -> int:
        """How many rows have a field."""
        j = self.fields.index(field)
        return self.n + sum(rows.n for gap, rows in self.gaps.items() if j not in gap)

    def column(self, field: str) -> Floats:
        """A numeric field's column of a factor: its mean times its count's root, then the rest."""
        j, column = self.fields.index(field), self.columns.numbers[field]
        factors = [rows.factor for gap, rows in self.gaps.items() if j not in gap]
        if not factors:
            return self.factor[:, column]
        return triangle(*(factor[:, [0, column]] for factor in (self.factor, *factors)))[:, 1]

    def level_counts(self, field: str, levels: Sequence[str]) -> dict[str, int]:
        """How many rows had each level of a category; the first is the reference."""
        j = self.fields.index(field)
        factors = [self.factor, *(rows.factor for gap, rows in self.gaps.items() if j not in gap)]
        sums = sum(factor[0] * factor[0, 0] for factor in factors)  # of each column
        at = self.columns.indicators
        counts = {
            level: round(float(np.asarray(sums)[at[field, place]]))
            for place, level in enumerate(levels)
            if place
        }
        return {levels[0]: self.count(field) - sum(counts.values()), **counts}

    def window(self) -> Floats:
        """The last rows of all partitions, at most WINDOW, shape (m, fields); NaN for gaps.

        In the order of their records' timestamps; where these are equal, in the order of the
        partitions and then of the log. Where n is at most WINDOW they are all the rows, unless a
        partition's history is behind.
        """
        windows = [part.window() for part in self.parts]
        timestamps = np.concatenate([times for _, times in windows])
        if len(timestamps) > WINDOW:  # no others are copied and sorted
            least = np.partition(timestamps, -WINDOW)[-WINDOW]
            late = [times >= least for _, times in windows]
            rows = np.concatenate([rows[it] for (rows, _), it in zip(windows, late, strict=True)])
            timestamps = timestamps[np.concatenate(late)]
        else:
            rows = np.concatenate([rows for rows, _ in windows])
        return rows[np.argsort(timestamps, kind="stable")[-WINDOW:]]

    def sketch(self, field: str) -> Sketch:
        """The quantile sketch of all values of a field."""
        j = self.fields.index(field)
        folded = Sketch.merged(part.history.sketches[j] for part in self.parts)
        return folded.plus(self.pending[:, j])


def merge(parts: Sequence[StatisticsView]) -> Summary:
    """Sum the partitions: one QR of all their factors and pending rows, for each kind of gap.

    Args:
        parts: At least one, all over the same fields.

    Raises:
        ValueError: There is none, or their fields differ.
    """
    if len({part.columns for part in parts}) != 1:
        raise ValueError("expected at least one part, all over the same fields")
    columns, blocks = parts[0].columns, [part.blocks for part in parts]
    pending = np.concatenate([part.pending_rows for part in parts])
    design = columns.design(pending)
    groups = {(): [*range(len(pending))]} if columns.whole else by_gap(pending)
    whole = groups.pop((), [])
    gaps = {}
    for gap in sorted({*groups, *(gap for one in blocks for gap in one.gaps)}):
        known, more = [one.gaps[gap] for one in blocks if gap in one.gaps], groups.get(gap, [])
        factors = (rows.factor for rows in known)
        n = sum(rows.n for rows in known) + len(more)
        gaps[gap] = Rows(n, narrow(columns, gap, *factors, design[more]))
    return Summary(
        columns=columns,
        n=sum(one.whole for one in blocks) + len(whole),
        factor=triangle(
            *(one.factor for one in blocks), design if columns.whole else design[whole]
        ),
        pending=pending,
        parts=tuple(parts),
        gaps=gaps,
    )
