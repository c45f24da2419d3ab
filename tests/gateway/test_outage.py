"""Kafka goes away and comes back under a running gateway."""

import os
import signal
import threading
import time

import pytest

from broker import EmbeddedKafka
from broker.ports import free_port
from gateway.conftest import Make
from support.gateway import EVENT, running_gateway
from support.service import LEARNED
from support.waiting import wait_until


@pytest.mark.slow(seconds=30)
def test_kafka_may_go_and_come_back_without_a_restart(make: Make) -> None:
    with EmbeddedKafka() as kafka:
        world = make(servers=kafka.bootstrap_servers)
        gateway, service = world.gateway, world.service
        assert gateway.post("/v1/ia/events", [EVENT | {"tv": tv} for tv in range(9)]).status == 202
        wait_until(lambda: service.metric(LEARNED) == 9)
        assert gateway.get("/v1/ia/describe").status == 200

        kafka.kill()
        wait_until(lambda: gateway.get("/healthz").status == 503)
        started = time.monotonic()
        for answer in (
            gateway.get("/healthz"),
            gateway.get("/v1/ia/describe"),
            gateway.post("/v1/ia/predict", {"tv": 1}),
            gateway.post("/v1/ia/learn", EVENT),
            gateway.post("/v1/ia/events", [EVENT]),
        ):
            assert (answer.status, answer.code) == (503, "kafka-away")
            assert answer.headers["retry-after"] == "1"
        assert time.monotonic() - started < 2  # not after a timeout each

        kafka.start()
        wait_until(lambda: gateway.healthy)
        assert gateway.post("/v1/ia/events", [EVENT]).status == 202
        wait_until(lambda: gateway.get("/v1/ia/describe").document.get("events") == 10)
        assert gateway.post("/v1/ia/learn", EVENT).document["events"] == 11
        assert gateway.process.poll() is None


@pytest.mark.slow(seconds=30)
def test_a_broker_killed_under_a_storm_loses_no_accepted_event(make: Make) -> None:
    size = 100
    with EmbeddedKafka() as kafka:
        world = make(servers=kafka.bootstrap_servers)
        gateway, service = world.gateway, world.service
        accepted: list[int] = []
        open_ones: list[int] = []  # answered with 503 or 504: they may be learned
        over = threading.Event()

        def storm() -> None:
            while not over.is_set():
                answer = gateway.post("/v1/ia/events", [EVENT] * size)
                if answer.status == 202:
                    accepted.append(size)
                else:
                    assert answer.status in {503, 504}
                    open_ones.append(size)

        def kill_and_restart() -> None:
            kafka.kill()
            wait_until(lambda: gateway.get("/healthz").status == 503)
            kafka.start()
            before = len(accepted)
            wait_until(lambda: len(accepted) > before + 50)

        threads = [threading.Thread(target=storm) for _ in range(4)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(accepted) > 50)
        kill_and_restart()
        kill_and_restart()
        over.set()
        for thread in threads:
            thread.join()
        wait_until(lambda: service.metric(LEARNED) >= sum(accepted))
        wait_until(lambda: service.metric("riverline_events_behind") == 0)
        learned = service.metric(LEARNED)
        assert sum(accepted) <= learned <= sum(accepted) + sum(open_ones)
        assert learned % size == 0  # a batch is never half there


@pytest.mark.slow(seconds=30)
def test_a_question_in_flight_when_kafka_hangs_is_answered_with_504(make: Make) -> None:
    with EmbeddedKafka() as kafka:
        gateway = make(servers=kafka.bootstrap_servers, REQUEST_TIMEOUT_MS="1000").gateway
        assert gateway.post("/v1/ia/events", [EVENT]).status == 202
        wait_until(lambda: gateway.get("/v1/ia/describe").status == 200)
        os.kill(kafka.pid, signal.SIGSTOP)
        try:
            for answer in (gateway.get("/v1/ia/describe"), gateway.post("/v1/ia/events", [EVENT])):
                assert (answer.status, answer.code) == (504, "timeout")
            wait_until(lambda: gateway.get("/healthz").status == 503)
        finally:
            os.kill(kafka.pid, signal.SIGCONT)
        wait_until(lambda: gateway.healthy)
        wait_until(lambda: gateway.get("/v1/ia/describe").status == 200)


def test_a_gateway_may_start_before_kafka() -> None:
    port = free_port("127.0.0.1")
    environment = {"KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{port}"}
    with running_gateway(environment, wait=False) as gateway:
        wait_until(lambda: "listening" in gateway.log.read_text())
        answer = gateway.get("/healthz")
        assert (answer.status, answer.code) == (503, "kafka-away")
        assert gateway.stop() == 0
