"""One service for all clients, taught by the reference data."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.events import send_csv
from support.service import LEARNED, own_names, running_service
from support.waiting import wait_until

ADVERTISING = Path(__file__).parents[2].parent / "shared" / "data" / "advertising.csv"


@pytest.fixture(scope="module")
def environment(kafka: str) -> Iterator[dict[str, str]]:
    """The environment of a client whose service has learned 200 events."""
    if not ADVERTISING.exists():
        pytest.skip(f"{ADVERTISING} is not there")
    names = own_names(kafka)
    with running_service(**names) as service:
        wait_until(lambda: service.ready)
        send_csv(names, ADVERTISING)
        wait_until(lambda: service.metric(LEARNED) == 200)
        yield names
        print(service.log.read_text())  # noqa: T201 - pytest shows it of a failed test
