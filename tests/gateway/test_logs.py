"""What the service and the gateway log can be read by one rule."""

import json
from pathlib import Path
from typing import Any

from gateway.conftest import Make


def records(log: Path) -> list[dict[str, Any]]:
    """The records of a log; npm's own words before them are passed over."""
    lines = log.read_text().splitlines()
    return [json.loads(line) for line in lines if line and not line.startswith("> ")]


def test_service_and_gateway_log_the_same_members_as_json(make: Make) -> None:
    world = make(LOG_FORMAT="json", LOG_LEVEL="INFO")
    assert world.service.stop() == 0
    assert world.gateway.stop() == 0
    for log in (world.service.log, world.gateway.log):
        told = records(log)
        assert all(list(record)[:3] == ["timestamp", "level", "event"] for record in told)
        assert {record["level"] for record in told} <= {"info", "warning", "error"}
        assert told[-1]["event"] == "stopped"
