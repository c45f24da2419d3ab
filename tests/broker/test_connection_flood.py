"""20,000 connections to the HTTP port in 10 s: few lines of log, scrapes and answers go on."""

import statistics
import subprocess
import sys
import threading
from pathlib import Path
from time import monotonic

import pytest

from chaos.world import tell
from contract.environment import Environment
from periodic import every
from producer import PredictionClient
from service import Service, wait_until

from .test_service import run

pytestmark = pytest.mark.slow

ROUNDS = 3
QUESTIONS, SECONDS = 500, 10.0
LOG_BYTES = 100_000
DROPPED = "riverline_http_connections_dropped_total"


def p99(client: PredictionClient) -> float:
    """Of answers asked for at an even pace, milliseconds."""
    pace = threading.Event()  # never set
    took = []
    began = monotonic()
    for number in range(QUESTIONS):
        pace.wait(max(0.0, began + SECONDS * number / QUESTIONS - monotonic()))
        asked = monotonic()
        client.predict(tv=50.0)
        took.append(1000 * (monotonic() - asked))
    return statistics.quantiles(took, n=100)[98]


class Scraper:
    """Knows how long the slowest scrape took."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.slowest = 0.0

    def scrape(self) -> None:
        began = monotonic()
        assert "riverline_model_events" in self._service.page("/metrics")
        self.slowest = max(self.slowest, monotonic() - began)


def test_twenty_thousand_connections(service: Service, settings: Environment) -> None:
    assert run("simulate", "--count", "500").returncode == 0
    wait_until(lambda: service.metric("riverline_model_events") == 500)
    port = service.address.rpartition(":")[2]
    before = len(service.log.read_bytes())
    ratios = []
    with PredictionClient(settings) as client:
        p99(client)  # warm
        for _ in range(ROUNDS):
            alone = p99(client)
            dropped = service.metric(DROPPED)
            flood = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("connections.py")), port],
                stdout=subprocess.PIPE,
            )
            scraper = Scraper(service)
            with every(0.5, scraper.scrape):
                beside = p99(client)
            said, _ = flood.communicate(timeout=60)
            ratios.append(beside / alone)
            logged = len(service.log.read_bytes()) - before
            tell(
                f"{service.metric(DROPPED) - dropped:.0f} dropped in {said.decode().strip()} s; "
                f"p99 {alone:.1f} ms alone, {beside:.1f} beside; slowest scrape "
                f"{scraper.slowest:.2f} s; {logged} bytes of log"
            )
            assert flood.returncode == 0
            assert scraper.slowest < 1
            assert logged < LOG_BYTES
    assert min(ratios) <= 2
    assert service.ready
