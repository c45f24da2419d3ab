"""Whoever has written asks after it: no answer is below its bound, and every bound is met."""

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import orjson
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from contract.environment import Environment
from contract.messages import AT_LEAST
from producer import PredictionClient, PredictionError
from producer.send import send_events
from producer.simulate import simulate
from support.service import Service
from support.waiting import wait_until

from .conftest import Start

PATIENCE_SECONDS = 60.0
"""How long an answer is waited for: the machine may be busy."""
ROUNDS = 12


@pytest.fixture
def producing(settings: Environment) -> Iterator[Callable[..., Any]]:
    """Sends events in transactions: ``producing(values, commit=False)``; their end's positions."""
    servers = settings.kafka_bootstrap_servers
    with closing(
        KafkaProducer(bootstrap_servers=servers, transactional_id=settings.events_topic)
    ) as producer:
        producer.init_transactions()

        def send(events: list[dict[str, float]], *, commit: bool) -> dict[int, int]:
            producer.begin_transaction()
            sent = [producer.send(settings.events_topic, orjson.dumps(it)) for it in events]
            places = [future.get(PATIENCE_SECONDS) for future in sent]
            (producer.commit_transaction if commit else producer.abort_transaction)()
            found: dict[int, int] = {}
            for place in places:
                after = max(place.offset + 1, found.get(place.partition, 0))
                found[place.partition] = after
            return found

        yield send


def ends(settings: Environment) -> dict[int, int]:
    """Where the partitions of the events topic end: beyond markers and aborted events."""
    with closing(
        KafkaConsumer(bootstrap_servers=settings.kafka_bootstrap_servers, group_id=None)
    ) as consumer:
        places = [
            TopicPartition(settings.events_topic, number)
            for number in sorted(consumer.partitions_for_topic(settings.events_topic))
        ]
        found = consumer.end_offsets(places)
    return {at.partition: end for at, end in found.items()}


def events(seed: int, count: int = 50) -> list[dict[str, float]]:
    return list(simulate(count, seed))


def has(reply: dict[str, Any], bounds: dict[int, int]) -> bool:
    """Whether an answer includes these positions."""
    return all(reply["positions"].get(str(it), 0) >= bound for it, bound in bounds.items())


def test_an_answer_after_an_acknowledgement_includes_the_event(
    settings: Environment, service: Service
) -> None:
    assert service.ready
    with PredictionClient(settings, timeout=PATIENCE_SECONDS) as client:
        for event in events(1, 5):
            client.ask("learn", event)
        acknowledged = client.ask("learn", events(2, 1)[0])
        (bound,) = acknowledged[AT_LEAST].items()
        assert acknowledged["positions"][bound[0]] >= bound[1]
        assert client.predict(tv=50, after=acknowledged)["positions"][bound[0]] >= bound[1]


def test_an_answer_after_sent_events_includes_them_all(
    settings: Environment, service: Service
) -> None:
    assert service.ready
    with PredictionClient(settings, timeout=PATIENCE_SECONDS) as client:
        for number in range(1, 4):
            sent = send_events(settings, simulate(200, number), 200)
            assert sum(sent.positions.values()) == 200 * number
            reply = client.ask("describe", after=sent.positions)
            assert (reply["events"], has(reply, sent.positions)) == (200 * number, True)


def test_what_is_not_there_in_time_is_told_with_the_positions_reached(
    settings: Environment, service: Service
) -> None:
    assert service.ready
    with PredictionClient(settings, timeout=PATIENCE_SECONDS) as client:
        sent = send_events(settings, simulate(100, 1), 100).positions
        number = next(iter(sent))
        beyond = {number: sent[number] + 1}
        client.ask("describe", after=sent)
        with ThreadPoolExecutor() as pool:
            waits = pool.submit(client.predict, tv=50, after=beyond, timeout=5.0)
            wait_until(lambda: service.metric("riverline_waiting_requests") == 1)
            assert "prediction" in client.predict(tv=50)  # nobody else waits
            with pytest.raises(PredictionError) as refused:
                waits.result()
        assert (refused.value.code, refused.value.positions) == (
            "not-yet",
            {str(number): sent[number]},
        )
        with pytest.raises(PredictionError, match="no partition 99"):
            client.predict(tv=50, after={99: 1})


def test_markers_and_aborted_events_at_the_end_of_the_log_keep_no_asker_waiting(
    settings: Environment, service: Service, producing: Callable[..., dict[int, int]]
) -> None:
    assert service.ready
    with PredictionClient(settings, timeout=PATIENCE_SECONDS) as client:
        for commit in (True, False, True, False, False):
            sent = producing(events(7), commit=commit)
            end = ends(settings)
            assert all(end[number] > position for number, position in sent.items())
            reply = client.ask("describe", after=end)
            assert has(reply, end)
        assert reply["events"] == 100


@pytest.mark.slow
def test_an_answer_waits_for_what_another_instance_learns(
    settings: Environment, start: Start
) -> None:
    # An interval so long that without a snapshot on demand no answer would come in time.
    slow = {"CHECKPOINT_INTERVAL_MS": "600000"}
    first, second = (start(INSTANCE_ID=name, **slow) for name in ("one", "two"))
    wait_until(lambda: second.metric("riverline_assigned_partitions") == 2)
    wait_until(lambda: first.metric("riverline_followed_partitions") == 2)
    with PredictionClient(settings, timeout=PATIENCE_SECONDS) as client:
        for number in range(1, 4):
            sent = send_events(settings, simulate(200, number), 200).positions
            assert len(sent) > 2
            for _ in range(6):  # whichever of the two answers
                assert has(client.predict(tv=50, after=sent), sent)


@pytest.mark.slow
def test_a_waiting_question_outlives_its_service(settings: Environment, start: Start) -> None:
    first = start(INSTANCE_ID="one")
    sent = send_events(settings, simulate(100, 1), 100).positions
    with PredictionClient(settings, timeout=PATIENCE_SECONDS) as client:
        client.ask("describe", after=sent)
        (number, *_) = sent
        beyond = {number: sent[number] + 1}
        with ThreadPoolExecutor() as pool:
            waits = pool.submit(client.ask, "describe", after=beyond)
            wait_until(lambda: first.metric("riverline_waiting_requests") >= 1)
            first.process.kill()
            start(INSTANCE_ID="one")
            more = 0
            while not waits.done():
                more += 1
                send_events(settings, simulate(8, more), 8)
            assert has(waits.result(), beyond)


@pytest.mark.slow
def test_over_two_instances_kills_and_aborted_transactions_no_answer_is_below_its_bound(
    settings: Environment, start: Start, producing: Callable[..., dict[int, int]]
) -> None:
    """Some answers may come late, when a partition has no owner; none is wrong, each comes."""
    seed = random.Random(17)  # noqa: S311 - no secret
    running = {name: start(INSTANCE_ID=name) for name in ("one", "two")}
    with (
        PredictionClient(settings, timeout=PATIENCE_SECONDS) as client,
        ThreadPoolExecutor(8) as pool,
    ):

        def asked(bounds: dict[int, int]) -> dict[str, Any]:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while True:
                try:
                    return client.ask("describe", after=bounds)
                except PredictionError as refused:
                    if refused.code != "not-yet" or time.monotonic() > deadline:
                        raise

        learned = 0
        for number in range(1, ROUNDS + 1):
            commit = seed.random() < 0.6
            sent = producing(events(number), commit=commit)
            learned += 50 * commit
            end = ends(settings)
            bounds = [sent, end, *({it: seed.randint(0, at)} for it, at in end.items())] * 2
            answers = [pool.submit(asked, bound) for bound in bounds]
            if number % 3 == 0:
                name = seed.choice(list(running))
                running[name].process.kill()
                running[name] = start(INSTANCE_ID=name, wait=False)
            for bound, answer in zip(bounds, answers, strict=True):
                assert has(answer.result(), bound)
        assert asked(ends(settings))["events"] == learned
