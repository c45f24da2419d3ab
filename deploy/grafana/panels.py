"""How Grafana's JSON writes panels: each has a title, a unit and its queries; pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

WIDTH = 24
"""Columns of Grafana's grid."""

Json = dict[str, Any]

DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}

STAT: Json = {
    "colorMode": "background",
    "graphMode": "none",
    "reduceOptions": {"calcs": ["lastNotNull"]},
}


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression, and what its series are called: text with ``{{label}}`` in it."""

    expression: str
    legend: str


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel, wherever it stands.

    Attributes:
        title: Its title.
        queries: What it shows.
        unit: Grafana's id of the unit, such as ``s``, ``reqps``, ``short``.
        kind: ``timeseries``, ``stat`` or ``table``.
        red: The value from which on a stat is red; negative: below and at its absolute value.
        text: What its figures mean, where the title does not say it.
    """

    title: str
    queries: Sequence[Query]
    unit: str = "short"
    kind: str = "timeseries"
    red: float | None = None
    text: str = ""

    def write(self, number: int, place: Json) -> Json:
        """Grafana's JSON of it."""
        stat = self.kind == "stat"
        defaults: Json = {"unit": self.unit}
        if self.kind == "timeseries":
            defaults["custom"] = {"showPoints": "never", "fillOpacity": 8}
        if stat:
            defaults["thresholds"] = _thresholds(self.red)
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.text,
            "datasource": DATASOURCE,
            "gridPos": place,
            "fieldConfig": {"defaults": defaults, "overrides": []},
            "options": STAT if stat else {},
            "transformations": [{"id": "merge", "options": {}}] if self.kind == "table" else [],
            "targets": [
                {
                    "refId": chr(ord("A") + index),
                    "datasource": DATASOURCE,
                    "expr": query.expression,
                    "legendFormat": query.legend,
                    "instant": self.kind != "timeseries",
                    "range": self.kind == "timeseries",
                    "format": "table" if self.kind == "table" else "time_series",
                }
                for index, query in enumerate(self.queries)
            ],
        }


@dataclass(frozen=True, slots=True)
class Row:
    """A titled row of panels of one size: ``columns`` wide and ``height`` high."""

    title: str
    panels: Sequence[Panel]
    columns: int = 8
    height: int = 8


def laid_out(rows: Iterable[Row]) -> list[Json]:
    """The rows one below the other, their panels from left to right, numbered from 1 on."""
    numbers, top = count(1), 0
    written: list[Json] = []
    for row in rows:
        place = {"x": 0, "y": top, "w": WIDTH, "h": 1}
        head = {"id": next(numbers), "type": "row", "title": row.title, "gridPos": place}
        written.append(head | {"collapsed": False, "panels": []})
        top += 1
        fit = WIDTH // row.columns
        for index, panel in enumerate(row.panels):
            down, across = divmod(index, fit)
            x, y = across * row.columns, top + down * row.height
            size = {"x": x, "y": y, "w": row.columns, "h": row.height}
            written.append(panel.write(next(numbers), size))
        top += row.height * -(-len(row.panels) // fit)
    return written


def _thresholds(red: float | None) -> Json:
    if red is None:
        steps: list[Json] = [{"color": "blue", "value": None}]
    elif red < 0:
        steps = [{"color": "red", "value": None}, {"color": "green", "value": -red}]
    else:
        steps = [{"color": "green", "value": None}, {"color": "red", "value": red}]
    return {"mode": "absolute", "steps": steps}
