"""The Grafana dashboard: `make monitoring` writes it to `dashboards/riverline.json`.

What is shown stands in `rows.py`, how a panel is written in `panels.py`. A test holds the file to
what these make of it, and asks a real Prometheus each query.
"""

import json
from pathlib import Path
from typing import Any, Final

from deploy.grafana.panels import DATASOURCE, laid_out
from deploy.grafana.rows import ROWS

TARGET: Final = Path(__file__).parent / "dashboards/riverline.json"


def queries() -> list[str]:
    """Every expression of the dashboard, Grafana's variables in it."""
    return [query.expression for row in ROWS for panel in row.panels for query in panel.queries]


def written() -> str:
    """The file's text."""
    dashboard: dict[str, Any] = {
        "uid": "riverline",
        "title": "Riverline",
        "description": "Made by deploy/grafana: change rows.py there, then `make monitoring`.",
        "tags": ["riverline"],
        "schemaVersion": 39,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "graphTooltip": 1,
        "editable": False,
        "templating": {"list": [_datasource(), _instance()]},
        "panels": laid_out(ROWS),
    }
    return json.dumps(dashboard, indent=2) + "\n"


def _datasource() -> dict[str, Any]:
    return {
        "name": "datasource",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
    }


def _instance() -> dict[str, Any]:
    values = 'label_values(up{job=~"riverline.*"}, instance)'
    return {
        "name": "instance",
        "label": "Instance",
        "type": "query",
        "datasource": DATASOURCE,
        "definition": values,
        "query": {"query": values, "refId": "instance"},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


if __name__ == "__main__":
    TARGET.write_text(written())
