"""The sum of all partitions' statistics at one moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from consumer.model.statistics.factor import Floats, triangle, with_constant
from consumer.model.statistics.history import WINDOW
from consumer.model.statistics.quantiles import Sketch
from consumer.model.statistics.running import StatisticsView


@dataclass(frozen=True, eq=False)
class Summary:
    """The statistics of all rows of all partitions; immutable.

    Attributes:
        fields: The names of a row's k columns.
        n: How many rows there were.
        factor: R of all rows with a constant before them, shape (1 + k, 1 + k).
        pending: The rows that are in no complete block of their partition, shape (m, k).
        parts: The views that were summed.
    """

    fields: tuple[str, ...]
    n: int
    factor: Floats
    pending: Floats
    parts: tuple[StatisticsView, ...]

    @cached_property
    def low(self) -> Floats:
        """The smallest value of each field, shape (k,); infinity where there is none."""
        lows = [part.blocks.low for part in self.parts]
        lowest: Floats = np.minimum.reduce([*lows, self.pending.min(axis=0, initial=np.inf)])
        return lowest + 0.0

    @cached_property
    def high(self) -> Floats:
        """The largest, likewise."""
        highs = [part.blocks.high for part in self.parts]
        highest: Floats = np.maximum.reduce([*highs, self.pending.max(axis=0, initial=-np.inf)])
        return highest + 0.0

    def column(self, field: str) -> Floats:
        """The field's column of the factor, shape (1 + k,): its mean and its deviations."""
        return self.factor[:, 1 + self.fields.index(field)]

    def window(self) -> Floats:
        """The last rows of all partitions, at most WINDOW, shape (m, k).

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
    """Sum the partitions: one QR of all their factors and pending rows.

    Args:
        parts: At least one, all over the same fields.

    Raises:
        ValueError: There is none, or their fields differ.
    """
    if len({part.fields for part in parts}) != 1:
        raise ValueError("expected at least one part, all over the same fields")
    factors = [part.blocks.factor for part in parts]
    pending = np.concatenate([part.pending_rows for part in parts])
    return Summary(
        fields=parts[0].fields,
        n=sum(part.n for part in parts),
        factor=triangle(*factors, with_constant(pending)),
        pending=pending,
        parts=tuple(parts),
    )
