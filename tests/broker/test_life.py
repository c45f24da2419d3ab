"""How the service starts, waits and ends."""

import socket
import threading
import time
from pathlib import Path

import pytest

from broker import EmbeddedKafka, ports
from producer import PredictionClient
from support.service import LEARNED, Service
from support.waiting import wait_until

from .conftest import Start
from .records import simulate


def test_sigterm_ends_with_0_within_five_seconds_under_load(service: Service) -> None:
    simulate(20_000)
    started = time.monotonic()
    assert service.stop() == 0
    assert time.monotonic() - started < 5


def test_faulty_settings_are_all_named_and_end_with_2(start: Start) -> None:
    service = start(wait=False, HTTP_PORT="never", FORMULA="sales ~ colour")
    assert service.process.wait(timeout=30) == 2
    said = service.log.read_text()
    assert "HTTP_PORT:" in said
    assert "FORMULA:" in said
    assert "Traceback" not in said


@pytest.mark.slow(seconds=20)
def test_kafka_may_come_later_and_may_be_killed(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = ports.free_port("127.0.0.1")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", f"127.0.0.1:{port}")
    service = start(wait=False)
    wait_until(lambda: "waiting for Kafka" in service.log.read_text())
    assert (service.status("/livez"), service.status("/readyz")) == (200, 503)
    with EmbeddedKafka(port=port, data=tmp_path) as kafka:
        wait_until(lambda: service.ready)
        assert service.log.read_text().count("waiting for Kafka") == 1
        simulate(5_000, seed=1)
        sending = threading.Thread(target=simulate, args=(30_000, 2))
        sending.start()
        wait_until(lambda: service.metric(LEARNED) > 6_000)
        kafka.kill()
        wait_until(lambda: not service.ready)
        kafka.start()
        sending.join()
        wait_until(lambda: service.metric(LEARNED) >= 35_000)
        wait_until(lambda: service.ready and service.metric("riverline_events_behind") == 0)
        assert service.metric(LEARNED) == 35_000
        with PredictionClient() as client:
            assert client.predict(tv=50)["events"] == 35_000
        assert service.process.poll() is None


@pytest.mark.slow
def test_waiting_for_kafka_gathers_no_threads(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:  # it takes connections and drops them
        monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", f"127.0.0.1:{nobody.getsockname()[1]}")
        nobody.settimeout(30)
        service = start(wait=False)
        threads = Path(f"/proc/{service.process.pid}/task")
        wait_until(lambda: service.status("/livez") == 200)
        counts = []
        for _ in range(30):
            nobody.accept()[0].close()
            counts.append(len(list(threads.iterdir())))
        assert max(counts) <= min(counts) + 3
