"""The sum of all partitions' statistics at one moment."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from consumer.model.statistics.columns import Columns
from consumer.model.statistics.factor import Floats, triangle
from consumer.model.statistics.history import WINDOW
from consumer.model.statistics.quantiles import Sketch
from consumer.model.statistics.running import StatisticsView


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """The statistics of all rows of all partitions; immutable.

    Attributes:
        columns: What is kept of a row.
        n: How many rows there were.
        factor: R of all rows' design, the intercept first, shape (1 + k, 1 + k).
        low: The smallest value of each field, shape (fields,); infinity where there is none.
        high: The largest, likewise.
        parts: The views that were summed.
    """

    columns: Columns
    n: int
    factor: Floats
    low: Floats
    high: Floats
    parts: tuple[StatisticsView, ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of a row's numbers."""
        return self.columns.fields

    def column(self, field: str) -> Floats:
        """A numeric field's column of the factor, shape (1 + k,): its mean and its deviations."""
        return self.factor[:, self.columns.numbers[field]]

    def level_counts(self, field: str, levels: Sequence[str]) -> dict[str, int]:
        """How many rows had each level of a category; the first is the reference."""
        sums = self.factor[0] * self.factor[0, 0]  # of each column, by the intercept's
        at = self.columns.indicators
        counts = {
            level: round(float(sums[at[field, place]]))
            for place, level in enumerate(levels)
            if place
        }
        return {levels[0]: self.n - sum(counts.values()), **counts}

    def window(self) -> Floats:
        """The last rows of all partitions, at most WINDOW, shape (m, fields).

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
        return folded.plus(np.concatenate([part.pending_rows()[:, j] for part in self.parts]))


def merge(parts: Sequence[StatisticsView]) -> Summary:
    """Sum the partitions: one QR of all their factors, each of which is computed once for its view.

    Args:
        parts: At least one, all over the same fields.

    Raises:
        ValueError: There is none, or their fields differ.
    """
    if len({part.columns for part in parts}) != 1:
        raise ValueError("expected at least one part, all over the same fields")
    return Summary(
        columns=parts[0].columns,
        n=sum(part.n for part in parts),
        factor=triangle(*(part.factor for part in parts)),
        low=np.minimum.reduce([part.low for part in parts]),
        high=np.maximum.reduce([part.high for part in parts]),
        parts=tuple(parts),
    )
