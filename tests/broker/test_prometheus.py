"""A real Prometheus scrapes a running service, and finds what the alerts ask for."""

import json
import re
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from broker.ports import free_port
from support.service import Service
from support.waiting import wait_until

RULES = Path(__file__).parents[2] / "deploy/prometheus/rules.yml"
METRICS = sorted(set(re.findall(r"\briverline_\w+", RULES.read_text())))

CONFIGURATION = """
global: {{ scrape_interval: 200ms }}
rule_files: [{rules}]
scrape_configs: [{{ job_name: riverline, static_configs: [{{ targets: ["{target}"] }}] }}]
"""

pytestmark = pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("promtool")),
    reason="prometheus is not installed",
)


class Prometheus:
    """A server of its own; queries by its HTTP API."""

    def __init__(self, address: str) -> None:
        self._api = f"http://{address}/api/v1"

    def get(self, path: str, **parameters: str) -> dict[str, Any]:
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self._api}/{path}?{query}", timeout=5) as page:  # noqa: S310
            found: dict[str, Any] = json.load(page)["data"]
        return found

    def samples(self, query: str) -> list[Any]:
        return list(self.get("query", query=query)["result"])

    @property
    def is_scraping(self) -> bool:
        try:
            return bool(self.samples('up{job="riverline"} == 1'))
        except OSError:
            return False


@pytest.fixture
def prometheus(service: Service, tmp_path: Path) -> Iterator[Prometheus]:
    """A Prometheus that scrapes the service."""
    configuration = tmp_path / "prometheus.yml"
    target = service.address.removeprefix("http://")
    configuration.write_text(CONFIGURATION.format(rules=RULES, target=target))
    address = f"127.0.0.1:{free_port('127.0.0.1')}"
    command = [
        *("prometheus", f"--config.file={configuration}", f"--web.listen-address={address}"),
        f"--storage.tsdb.path={tmp_path / 'data'}",
    ]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        server = Prometheus(address)
        wait_until(lambda: server.is_scraping)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_what_the_alerts_ask_for_is_there_and_none_of_them_fails(prometheus: Prometheus) -> None:
    simulate = [sys.executable, "-m", "producer", "simulate", "--count", "1000"]
    subprocess.run(simulate, check=True, capture_output=True)
    missing = set(METRICS)

    def is_found() -> bool:
        missing.difference_update([name for name in missing if prometheus.samples(name)])
        return not missing

    wait_until(is_found, 20)
    (group,) = prometheus.get("rules")["groups"]
    assert group["rules"]
    for rule in group["rules"]:
        prometheus.samples(rule["query"])
    assert [rule["name"] for rule in group["rules"] if rule.get("lastError")] == []
    assert prometheus.samples("riverline_ready")[0]["value"][1] == "1"


def test_names_and_texts_of_the_metrics_follow_prometheus_conventions(service: Service) -> None:
    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input=service.page("/metrics"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
