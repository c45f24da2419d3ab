"""The summary of the data set, field by field, as pandas' ``describe()`` defines it."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from consumer.decode import Refusal
from consumer.model.statistics.factor import size
from consumer.model.statistics.history import WINDOW
from consumer.model.statistics.summary import Summary
from contract.messages import ErrorCode

RANKS = (0.25, 0.5, 0.75)


@dataclass(frozen=True, slots=True)
class Description:
    """Figures by field, and whether the quartiles are exact.

    Attributes:
        fields: By field, in their order: ``count``, ``mean``, ``std`` (None for a single event),
            ``min``, ``25%``, ``50%``, ``75%``, ``max``; all but the count in the field's unit.
        quantiles: ``exact`` (linear interpolation, as in pandas) while the summary's window holds
            every row; ``approximate`` (from the KLL sketch) beyond.
    """

    fields: dict[str, dict[str, float | None]]
    quantiles: Literal["exact", "approximate"]


def describe(summary: Summary) -> Description:
    """Describe every field over all events.

    Raises:
        Refusal: ``too-few-events`` if there are no events, or if every row that quartiles rest on
            is still to be read again.
    """
    if summary.n == 0:
        raise Refusal(ErrorCode.TOO_FEW_EVENTS, "there are no events to describe yet")
    rows = summary.window() if summary.n <= WINDOW else ()
    exact = len(rows) == summary.n
    if exact:
        quartiles = np.quantile(rows, RANKS, axis=0).T.tolist()
    else:
        sketches = [summary.sketch(field) for field in summary.fields]
        if not all(sketch.n for sketch in sketches):
            message = "the quantiles are being read again from the log; ask again"
            raise Refusal(ErrorCode.TOO_FEW_EVENTS, message)
        quartiles = [sketch.quantiles(RANKS) for sketch in sketches]
    return Description(
        fields={
            field: _figures(summary, field, *marks)
            for field, marks in zip(summary.fields, quartiles, strict=True)
        },
        quantiles="exact" if exact else "approximate",
    )


def _figures(
    summary: Summary, field: str, lower: float, median: float, upper: float
) -> dict[str, float | None]:
    mean, std = _moments(summary, field)
    j = summary.fields.index(field)
    return {
        "count": summary.n,
        "mean": mean,
        "std": std,
        "min": float(summary.low[j]),
        "25%": lower,
        "50%": median,
        "75%": upper,
        "max": float(summary.high[j]),
    }


def _moments(summary: Summary, field: str) -> tuple[float, float | None]:
    """Mean and standard deviation, from the field's column of the factor.

    Its first entry is the mean times the root of n; the others are the deviations, rotated, with
    the same norm. Rounding must not put the mean outside the extremes, nor give a constant
    field a deviation.
    """
    j = summary.fields.index(field)
    low, high, column = float(summary.low[j]), float(summary.high[j]), summary.column(field)
    mean = min(max(float(column[0] / summary.factor[0, 0]), low), high)
    if summary.n == 1:
        return mean, None
    return mean, size(column[1:]) / math.sqrt(summary.n - 1) if low < high else 0.0
