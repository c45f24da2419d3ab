"""docker-compose.yml as it stands: three consumers, events in, predictions out, all of it watched.

`pytest --kafka=docker tests/compose` builds the images and takes the ports that the file names.
"""

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.waiting import wait_until

ROOT = Path(__file__).parents[2]
EVENTS = 2000
SECONDS = 300.0
SERVICES = ("kafka", "consumer", "gateway", "prometheus")

pytestmark = [pytest.mark.slow, pytest.mark.docker]


def compose(*arguments: str) -> str:
    command = ["docker", "compose", "--project-name", "riverline-test", *arguments]
    return subprocess.run(
        command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True, timeout=1800
    ).stdout


def get(url: str) -> Any:  # noqa: ANN401 - JSON
    """The document there; None while there is none."""
    try:
        with urllib.request.urlopen(url, timeout=10) as page:  # noqa: S310 - ours
            return json.load(page)
    except (urllib.error.URLError, TimeoutError):
        return None


def targets() -> dict[str, list[str]]:
    """How the targets of each job are, as Prometheus sees them."""
    found: dict[str, list[str]] = {}
    answer = get("http://127.0.0.1:9090/api/v1/targets?state=active")
    for target in answer["data"]["activeTargets"] if answer else []:
        found.setdefault(target["labels"]["job"], []).append(target["health"])
    return found


@pytest.fixture(scope="module")
def _up(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.config.getoption("--kafka") != "docker":
        pytest.skip("needs a Docker engine: pytest --kafka=docker")
    try:
        compose("up", "--detach", "--build", "--scale", "consumer=3", *SERVICES)
        yield
    finally:
        compose("down", "--volumes", "--timeout", "30")


@pytest.mark.usefixtures("_up")
def test_events_go_in_and_predictions_come_out_of_three_consumers() -> None:
    compose("run", "--rm", "-T", "producer", "simulate", "--count", str(EVENTS))

    def all_learned() -> bool:
        reply = get("http://127.0.0.1:3000/v1/ia/predict?tv=50")
        return reply is not None and reply["events"] == EVENTS

    wait_until(all_learned, SECONDS)
    asked = json.loads(compose("run", "--rm", "-T", "producer", "ask", "tv=50"))
    assert asked["events"] == EVENTS


@pytest.mark.usefixtures("_up")
def test_prometheus_finds_each_of_them() -> None:
    due = {"riverline": ["up"] * 3, "riverline-gateway": ["up"]}
    wait_until(lambda: targets() == due, SECONDS)


@pytest.mark.usefixtures("_up")
def test_none_is_root_or_can_write_its_files_and_all_end_when_they_are_told_to() -> None:
    for service in ("consumer", "gateway"):
        assert compose("exec", "-T", service, "id", "-u").strip() != "0"
        written = compose("exec", "-T", service, "sh", "-c", "touch written 2>&1 || echo refused")
        assert "refused" in written
    compose("stop", "--timeout", "30", "gateway", "consumer")
    ids = compose("ps", "--all", "--quiet", "gateway", "consumer").split()
    codes = subprocess.run(
        ["docker", "inspect", "--format", "{{.State.ExitCode}}", *ids],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.split()
    assert codes == ["0"] * 4
