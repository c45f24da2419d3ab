"""The sum of all partitions' statistics at one moment."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from consumer.model.statistics.factor import Floats, triangle
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
    if len({part.fields for part in parts}) != 1:
        raise ValueError("expected at least one part, all over the same fields")
    return Summary(
        fields=parts[0].fields,
        n=sum(part.n for part in parts),
        factor=triangle(*(part.factor for part in parts)),
        low=np.minimum.reduce([part.low for part in parts]),
        high=np.maximum.reduce([part.high for part in parts]),
        parts=tuple(parts),
    )
