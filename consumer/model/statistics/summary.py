"""The sum of all partitions' statistics at one moment."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from consumer.model.statistics.factor import Floats, triangle, with_constant
from consumer.model.statistics.history import WINDOW
from consumer.model.statistics.quantiles import Sketch
from consumer.model.statistics.running import StatisticsView


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """The statistics of all rows of all partitions; immutable.

    Attributes:
        fields: The names of a row's k columns.
        n: How many rows there were.
        factor: R of all rows with a constant before them, shape (1 + k, 1 + k).
        low: The smallest value of each field, shape (k,); infinity where there is none.
        high: The largest, likewise.
        parts: The views that were summed.
    """

    fields: tuple[str, ...]
    n: int
    factor: Floats
    low: Floats
    high: Floats
    parts: tuple[StatisticsView, ...]

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
        rows = np.concatenate([rows for rows, _ in windows])
        timestamps = np.concatenate([timestamps for _, timestamps in windows])
        return rows[np.argsort(timestamps, kind="stable")[-WINDOW:]]

    def sketch(self, field: str) -> Sketch:
        """The quantile sketch of all values of a field."""
        j = self.fields.index(field)
        return Sketch.merged(
            part.history.sketches[j].plus(part.pending_rows()[:, j]) for part in self.parts
        )


def merge(parts: Sequence[StatisticsView]) -> Summary:
    """Sum the partitions: one QR of all their factors and pending rows.

    Args:
        parts: At least one, all over the same fields.

    Raises:
        ValueError: There is none, or their fields differ.
    """
    if len({part.fields for part in parts}) != 1:
        raise ValueError("expected at least one part, all over the same fields")
    pending = np.concatenate([part.pending_rows() for part in parts])
    blocks = [part.blocks for part in parts]
    return Summary(
        fields=parts[0].fields,
        n=sum(part.n for part in parts),
        factor=triangle(*(one.factor for one in blocks), with_constant(pending)),
        low=np.minimum.reduce([*pending, *(one.low for one in blocks)]),
        high=np.maximum.reduce([*pending, *(one.high for one in blocks)]),
        parts=tuple(parts),
    )
