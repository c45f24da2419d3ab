"""A real Prometheus that scrapes what a test runs."""

import json
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from broker.ports import free_port
from support.waiting import wait_until

RULES = Path(__file__).parents[1] / "deploy/prometheus/rules.yml"

needs_prometheus = pytest.mark.skipif(
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

    def has_number(self, query: str) -> bool:
        """Whether any sample of the answer is a number."""
        return any(sample["value"][1] != "NaN" for sample in self.samples(query))

    def scrapes(self, jobs: int) -> bool:
        """Whether so many targets answer it."""
        try:
            return len(self.samples("up == 1")) == jobs
        except OSError:
            return False


@contextmanager
def running_prometheus(folder: Path, targets: Mapping[str, str]) -> Iterator[Prometheus]:
    """Start one with our rules that scrapes HOST:PORT of each job, once it does."""
    jobs = [{"job_name": job, "static_configs": [{"targets": [it]}]} for job, it in targets.items()]
    document = {
        "global": {"scrape_interval": "200ms"},
        "rule_files": [str(RULES)],
        "scrape_configs": jobs,
    }
    configuration = folder / "prometheus.yml"
    configuration.write_text(json.dumps(document))  # JSON is YAML
    address = f"127.0.0.1:{free_port('127.0.0.1')}"
    command = [
        *("prometheus", f"--config.file={configuration}", f"--web.listen-address={address}"),
        f"--storage.tsdb.path={folder / 'data'}",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        server = Prometheus(address)
        wait_until(lambda: server.scrapes(len(targets)))
        yield server
    finally:
        process.terminate()
        process.wait(timeout=30)
