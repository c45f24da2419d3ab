"""20,000 connections to the HTTP port in 10 s: few lines of log, scrapes and answers go on."""

import socket
import statistics
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest

from chaos.world import tell
from contract.environment import Environment
from periodic import every
from producer import PredictionClient
from support.service import Service
from support.waiting import wait_until

from .records import run

pytestmark = pytest.mark.slow(seconds=50)
ROUNDS = 2
WHILES, WHILE_SECONDS, QUESTIONS = 5, 2.0, 200
LOG_BYTES = 100_000
CONNECTIONS = 20_000
SCRAPE_TIMEOUT = 10.0
"""Seconds, Prometheus' own."""
DROPPED = "riverline_http_connections_dropped_total"


def p99(client: PredictionClient) -> float:
    """The best of a few short whiles, milliseconds: what else the machine does only adds to it."""
    return min(p99_of_a_while(client) for _ in range(WHILES))


def p99_of_a_while(client: PredictionClient) -> float:
    """Of answers asked for at an even pace."""
    pace = threading.Event()  # never set
    took = []
    began = monotonic()
    for number in range(QUESTIONS):
        pace.wait(max(0.0, began + WHILE_SECONDS * number / QUESTIONS - monotonic()))
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


@contextmanager
def flood(port: int) -> Iterator[None]:
    """20,000 connections while this lasts, and all of them before it is over."""
    command = [sys.executable, str(Path(__file__).with_name("connections.py")), str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        yield
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        tell(f"20,000 connections in {said.decode().strip()} s")
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def nobody() -> Iterator[int]:
    """A port whose connections are the kernel's alone."""
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 5)
        yield listener.getsockname()[1]


def test_twenty_thousand_connections(service: Service, settings: Environment, nobody: int) -> None:
    """Compared with a flood of a port that nobody serves: it takes as much of the machine."""
    assert run("simulate", "--count", "500").returncode == 0
    wait_until(lambda: service.metric("riverline_model_events") == 500)
    port = int(service.address.rpartition(":")[2])
    before = len(service.log.read_bytes())
    elsewhere, beside, scrapes = [], [], []
    with PredictionClient(settings) as client:
        p99(client)  # warm
        for _ in range(ROUNDS):
            with flood(nobody):
                elsewhere.append(p99(client))
            dropped = service.metric(DROPPED)
            scraper = Scraper(service)
            with flood(port), every(0.5, scraper.scrape):
                beside.append(p99(client))
            scrapes.append(scraper.slowest)
            dropped = service.metric(DROPPED) - dropped
            tell(
                f"p99 {elsewhere[-1]:.1f} ms beside a flood of another port, {beside[-1]:.1f} "
                f"beside one of ours; {dropped:.0f} dropped; slowest scrape {scraper.slowest:.2f} s"
            )
            assert dropped < CONNECTIONS / 4  # the kernel keeps the others
    logged = len(service.log.read_bytes()) - before
    tell(f"{logged} bytes of log")
    assert logged < LOG_BYTES
    assert min(scrapes) < SCRAPE_TIMEOUT
    assert min(beside) <= 2 * min(elsewhere)
    assert service.ready
