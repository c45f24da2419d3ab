"""The summary of the data set, field by field, as pandas' ``describe()`` defines it."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from consumer.decode import RequestError
from consumer.model.statistics.factor import Floats, size
from consumer.model.statistics.kept.history import WINDOW
from consumer.model.statistics.summary import Summary
from contract.messages import ErrorCode

RANKS, QUARTILES = (0.25, 0.5, 0.75), ("25%", "50%", "75%")


@dataclass(frozen=True, slots=True)
class Description:
    """Figures by field, and whether the quartiles are exact.

    Attributes:
        fields: By field, in their order; of a category ``count``, and ``levels`` with theirs; of
            a number ``count``, ``mean``, ``std`` (None for a single event),
            ``min``, ``25%``, ``50%``, ``75%``, ``max``; all but the count in the field's unit; of a
            boolean both, its levels ``false`` and ``true``. By a model file also ``missing``, and
            None for what no event has.
        quantiles: ``exact`` (linear interpolation, as in pandas) while the summary's window holds
            every row; ``approximate`` (from the KLL sketch) beyond.
    """

    fields: dict[str, dict[str, Any]]
    quantiles: Literal["exact", "approximate"]


def describe(
    summary: Summary,
    names: Sequence[str] | None = None,
    categories: Mapping[str, Sequence[str]] = MappingProxyType({}),
    booleans: Collection[str] = (),
) -> Description:
    """Describe fields over all events.

    Args:
        summary: The statistics.
        names: The fields; None: all of them.
        categories: The levels of those that are categories, the reference first.
        booleans: Those that are 0 or 1.

    Raises:
        RequestError: ``too-few-events`` if there are no events, or if every row that quartiles rest
            on is still to be read again.
    """
    if summary.total == 0:
        raise RequestError(ErrorCode.TOO_FEW_EVENTS, "there are no events to describe yet")
    rows = summary.window() if summary.total <= WINDOW else np.empty((0, 0))
    exact = len(rows) == summary.total
    fields = {
        name: _levels(summary, name, categories[name])
        if name in categories
        else _figures(summary, name, rows if exact else None)
        for name in (summary.fields if names is None else names)
    }
    for name in booleans:
        fields[name]["levels"] = _truths(fields[name])
    return Description(fields, "exact" if exact else "approximate")


def _levels(summary: Summary, name: str, levels: Sequence[str]) -> dict[str, Any]:
    return {**_count(summary, name), "levels": summary.level_counts(name, levels)}


def _count(summary: Summary, name: str) -> dict[str, Any]:
    count = summary.count(name)
    if summary.columns.whole:
        return {"count": count}
    return {"count": count, "missing": summary.total - count}


def _truths(figures: Mapping[str, Any]) -> dict[str, int]:
    """How often a boolean was either: its mean is the share of the true ones."""
    true = round(figures["count"] * (figures["mean"] or 0.0))
    return {"false": figures["count"] - true, "true": true}


def _figures(summary: Summary, name: str, rows: Floats | None) -> dict[str, Any]:
    counted, j = _count(summary, name), summary.fields.index(name)
    n = counted["count"]
    if n == 0:
        return counted | dict.fromkeys(("mean", "std", "min", *QUARTILES, "max"))
    mean, std = _moments(summary, name, n)
    return {
        **counted,
        "mean": mean,
        "std": std,
        "min": float(summary.low[j]),
        **dict(zip(QUARTILES, _quartiles(summary, name, rows), strict=True)),
        "max": float(summary.high[j]),
    }


def _quartiles(summary: Summary, name: str, rows: Floats | None) -> list[float]:
    """From all rows, shape (n, fields), or if they are not given, from the sketch."""
    if rows is not None:
        values = rows[:, summary.fields.index(name)]
        found: list[float] = np.quantile(values[~np.isnan(values)], RANKS).tolist()
        return found
    sketch = summary.sketch(name)
    if not sketch.n:
        message = "the quantiles are being read again from the log; ask again"
        raise RequestError(ErrorCode.TOO_FEW_EVENTS, message)
    return sketch.quantiles(RANKS)


def _moments(summary: Summary, field: str, n: int) -> tuple[float, float | None]:
    """Mean and standard deviation, from the field's column of the factor.

    Its first entry is the mean times the root of n; the others are the deviations, rotated, with
    the same norm. Rounding must not put the mean outside the extremes, nor give a constant
    field a deviation.
    """
    j = summary.fields.index(field)
    low, high, column = float(summary.low[j]), float(summary.high[j]), summary.column(field)
    root = float(summary.factor[0, 0]) if n == summary.n else math.sqrt(n)
    mean = min(max(float(column[0] / root), low), high)
    if n == 1:
        return mean, None
    return mean, size(column[1:]) / math.sqrt(n - 1) if low < high else 0.0
