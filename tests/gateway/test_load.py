"""Much at once: every answer is its asker's own, and every event counts once."""

import json
import threading
import time
from collections.abc import Callable
from http.client import HTTPException

import pytest

from gateway.conftest import Make, World
from producer.simulate import simulate
from support.gateway import EVENT, JSON, LINES, Connection, Gateway, running_gateway
from support.service import LEARNED, Service
from support.waiting import wait_until

AT_ONCE = 64
EXACT = 1e-9


def in_parallel(count: int, work: Callable[[int], None]) -> None:
    """Do the work in so many threads; a thread's fault is the test's."""
    faults: list[Exception] = []

    def run(number: int) -> None:
        try:
            work(number)
        except Exception as fault:  # noqa: BLE001 - raised again below
            faults.append(fault)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]


def batches(count: int, size: int) -> list[str]:
    lines = [json.dumps(event) for event in simulate(count, seed=1)]
    return ["\n".join(lines[first : first + size]) for first in range(0, count, size)]


def teach(world: World, count: int) -> None:
    before = world.service.metric(LEARNED)
    for batch in batches(count, 1000):
        assert world.gateway.send("POST", "/v1/ia/events", batch, LINES).status == 202
    wait_until(lambda: world.service.metric(LEARNED) == before + count)


def ask_distinctly(gateways: list[Gateway], count: int) -> list[float]:
    """Ask for distinct predictions; check each against the line. The seconds that each took."""
    low, high = (
        gateways[0].get(f"/v1/ia/predict?tv={tv}").document["prediction"] for tv in (0, 100)
    )
    seconds: list[float] = []

    def ask(number: int) -> None:
        connection = Connection(gateways[number % len(gateways)].port)
        for tv in range(number, count, AT_ONCE):
            started = time.perf_counter()
            answer = connection.send("GET", f"/v1/ia/predict?tv={tv}")
            seconds.append(time.perf_counter() - started)
            assert answer.status == 200, answer.text
            due = low + (high - low) * tv / 100
            assert answer.document["prediction"] == pytest.approx(due, rel=EXACT)
        connection.close()

    in_parallel(AT_ONCE, ask)
    assert len(seconds) == count
    return sorted(seconds)


def test_of_many_questions_at_once_each_gets_its_own_answer(world: World) -> None:
    teach(world, 1000)
    ask_distinctly([world.gateway], 2000)


@pytest.mark.slow
@pytest.mark.parametrize("gateways", [1, 2])
def test_ten_thousand_questions_are_answered_each_to_its_asker(make: Make, gateways: int) -> None:
    world = make()
    teach(world, 1000)
    if gateways == 1:
        seconds = ask_distinctly([world.gateway], 10_000)
    else:
        with running_gateway(world.environment) as other:
            seconds = ask_distinctly([world.gateway, other], 10_000)
            assert "riverline_gateway_late_replies_total 0" in other.get("/metrics").text
    assert "riverline_gateway_late_replies_total 0" in world.gateway.get("/metrics").text
    print({"p50 ms": seconds[5000] * 1000, "p99 ms": seconds[9900] * 1000})  # noqa: T201


@pytest.mark.slow
def test_a_hundred_thousand_events_in_batches_are_all_learned(make: Make) -> None:
    world = make()
    queue = batches(100_000, 1000)
    started = time.monotonic()

    def send(_: int) -> None:
        connection = Connection(world.gateway.port)
        while queue:
            answer = connection.send("POST", "/v1/ia/events", queue.pop(), LINES)
            assert (answer.status, answer.document["accepted"]) == (202, 1000)
        connection.close()

    in_parallel(4, send)
    print({"events/s": 100_000 / (time.monotonic() - started)})  # noqa: T201
    wait_until(lambda: world.service.metric(LEARNED) >= 100_000)
    wait_until(lambda: world.service.metric("riverline_events_behind") == 0)
    assert world.service.metric(LEARNED) == 100_000
    assert world.gateway.get("/v1/ia/describe").document["events"] == 100_000


def test_events_posted_one_by_one_at_once_are_all_learned(world: World) -> None:
    before = world.service.metric(LEARNED)

    def send(_: int) -> None:
        connection = Connection(world.gateway.port)
        for _ in range(25):
            answer = connection.send("POST", "/v1/ia/events", json.dumps([EVENT]), JSON)
            assert (answer.status, answer.document["accepted"]) == (202, 1)
        connection.close()

    in_parallel(AT_ONCE, send)
    due = before + AT_ONCE * 25
    wait_until(lambda: world.service.metric(LEARNED) >= due)
    wait_until(lambda: world.service.metric("riverline_events_behind") == 0)
    assert world.service.metric(LEARNED) == due


def test_a_stop_under_load_loses_no_accepted_event(world: World) -> None:
    with running_gateway(world.environment) as gateway:
        stop_under_load(gateway, world.service)


def stop_under_load(gateway: Gateway, service: Service) -> None:
    before = service.metric(LEARNED)
    accepted: list[int] = []
    stopping = threading.Event()

    def send(_: int) -> None:
        connection = Connection(gateway.port)
        batch = batches(100, 100)[0]
        while True:
            try:
                answer = connection.send("POST", "/v1/ia/events", batch, LINES)
            except (OSError, HTTPException):
                connection.close()
                assert stopping.is_set()
                return
            assert answer.status == 202, answer.text
            accepted.append(answer.document["accepted"])

    def stop(_: int) -> None:
        wait_until(lambda: len(accepted) > 50)
        stopping.set()
        started = time.monotonic()
        assert gateway.stop() == 0, gateway.log.read_text()
        assert time.monotonic() - started < 5

    in_parallel(9, lambda number: stop(number) if number == 0 else send(number))
    due = before + sum(accepted)
    wait_until(lambda: service.metric(LEARNED) >= due)
    wait_until(lambda: service.metric("riverline_events_behind") == 0)
    assert service.metric(LEARNED) == due
