"""A real Prometheus scrapes a service and a gateway, and answers the dashboard and the alerts."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.grafana.dashboard import queries
from gateway.conftest import Make, World
from scraper import Prometheus, needs_prometheus, running_prometheus
from support.gateway import EVENT
from support.waiting import wait_until

SECONDS = 40.0

pytestmark = needs_prometheus


@pytest.fixture
def world(make: Make) -> World:
    return make()


@pytest.fixture
def prometheus(world: World, tmp_path: Path) -> Iterator[Prometheus]:
    targets = {
        "riverline": world.service.address.removeprefix("http://"),
        "riverline-gateway": f"127.0.0.1:{world.gateway.port}",
    }
    with running_prometheus(tmp_path, targets) as server:
        yield server


@pytest.fixture
def busy(world: World) -> World:
    """A service that has learned: a regression with all its figures."""
    simulate = [sys.executable, "-m", "producer", "simulate", "--count", "1000"]
    environment = {**os.environ, **world.environment}
    subprocess.run(simulate, check=True, capture_output=True, env=environment)
    return world


def test_every_query_of_the_dashboard_and_every_alert_finds_figures(
    busy: World, prometheus: Prometheus
) -> None:
    (group,) = prometheus.get("rules")["groups"]
    alerts = {lowered(rule["query"]) for rule in group["rules"]}
    missing = {filled(query) for query in queries()} | alerts
    assert len(missing) > 40

    def are_answered() -> bool:
        busy.gateway.post("/v1/ia/predict", {"tv": 50})
        busy.gateway.post("/v1/ia/learn", EVENT)
        missing.difference_update([query for query in missing if prometheus.has_number(query)])
        return not missing

    try:
        wait_until(are_answered, SECONDS)
    except TimeoutError:
        assert missing == set()
    assert [rule["name"] for rule in group["rules"] if rule.get("lastError")] == []


def filled(query: str) -> str:
    """A query of the dashboard as Grafana sends it."""
    return query.replace("$instance", ".*").replace("$__rate_interval", "10s")


def lowered(alert: str) -> str:
    """An alert's expression that holds for any figures, if there are any."""
    return re.sub(r"(?:==|>)( ignoring ?\(\w+\))? [\d.e+]+", r">=\1 -1e9", alert)
