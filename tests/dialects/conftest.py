"""One service for all clients, taught by the reference data."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from service import LEARNED, own_names, running_service, wait_until

ADVERTISING = Path(__file__).parents[2].parent / "shared" / "data" / "advertising.csv"


@pytest.fixture(scope="module")
def environment(kafka: str) -> Iterator[dict[str, str]]:
    """The environment of a client whose service has learned 200 events."""
    if not ADVERTISING.exists():
        pytest.skip(f"{ADVERTISING} is not there")
    names = own_names(kafka)
    with running_service(**names) as service:
        wait_until(lambda: service.ready)
        command = [sys.executable, "-m", "producer", "csv", str(ADVERTISING)]
        subprocess.run(
            command, env={**os.environ, **names}, check=True, capture_output=True, timeout=60
        )
        wait_until(lambda: service.metric(LEARNED) == 200)
        yield names
        print(service.log.read_text())  # noqa: T201 - pytest shows it of a failed test
