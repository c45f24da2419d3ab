"""Grafana's dashboard is what the code makes, and what compose hands to Grafana fits together."""

import json
import re
import shutil
import subprocess
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from deploy.grafana import dashboard
from deploy.grafana.panels import WIDTH

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PANELS: list[dict[str, Any]] = json.loads(dashboard.TARGET.read_text())["panels"]


def test_the_committed_dashboard_is_what_the_code_makes() -> None:
    assert dashboard.TARGET.read_text() == dashboard.written(), "run `make monitoring`"


def test_panels_have_numbers_of_their_own_and_none_covers_another() -> None:
    assert Counter(panel["id"] for panel in PANELS).most_common(1)[0][1] == 1
    cells = Counter(
        (x, y)
        for place in (panel["gridPos"] for panel in PANELS)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    )
    assert max(cells.values()) == 1
    assert max(x for x, _ in cells) < WIDTH
    tops = [panel["gridPos"]["y"] for panel in PANELS if panel["type"] == "row"]
    assert all(above < below for above, below in pairwise(tops))


def test_every_metric_that_an_alert_asks_for_is_on_the_dashboard() -> None:
    """Else whoever is called sees nothing of what called."""
    asked = set(re.findall(r"\briverline_\w+", (DEPLOY / "prometheus/rules.yml").read_text()))
    shown = {
        name for query in dashboard.queries() for name in re.findall(r"\briverline_\w+", query)
    }
    assert asked - shown == set()


def test_compose_hands_grafana_its_data_source_and_the_dashboard() -> None:
    grafana = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["grafana"]
    mounts = dict(volume.split(":")[1::-1] for volume in grafana["volumes"])
    provisioning = ROOT / mounts["/etc/grafana/provisioning"]
    (provider,) = yaml.safe_load((provisioning / "dashboards/riverline.yml").read_text())[
        "providers"
    ]
    home = Path(grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert home.parent == Path(provider["options"]["path"])
    assert ROOT / mounts[str(home.parent)] / home.name == dashboard.TARGET


@pytest.mark.skipif(not shutil.which("amtool"), reason="amtool is not installed")
def test_alertmanager_takes_its_configuration() -> None:
    file = DEPLOY / "alertmanager/alertmanager.yml"
    done = subprocess.run(
        ["amtool", "check-config", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
