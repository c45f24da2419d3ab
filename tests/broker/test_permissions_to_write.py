"""Without the right to write nothing is lost: what waits is named, and comes with the grant."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing

import orjson
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import (
    ACLOperation,
    ResourceType,
)

from broker import EmbeddedCluster
from broker.security import ADMIN
from contract.environment import Environment
from support.service import running_service
from support.waiting import wait_until

from .permissions import AT_START, BACK_SECONDS, EVENT, TOLD_SECONDS, USER, World, opened, told

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates"),
]


@pytest.fixture
def world(secured: EmbeddedCluster) -> Iterator[World]:
    """Whose user may do everything, until something is denied."""
    with opened(secured) as world:
        yield world


WRITE_TO = [
    ("changelog", "what is learned is not saved"),
    ("DEAD_LETTER_TOPIC", "dead letters wait"),
    ("REPLIES_TOPIC", "replies to it wait"),
]

ASKED = 20

WRITE_TO = [
    ("changelog", "what is learned is not saved"),
    ("DEAD_LETTER_TOPIC", "dead letters wait"),
    ("REPLIES_TOPIC", "replies to it wait"),
]


@pytest.mark.parametrize("when", ["taken away", AT_START])
@pytest.mark.parametrize(("name", "costs"), WRITE_TO)
def test_without_the_right_to_write_nothing_is_lost_and_readiness_says_what_waits(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str, costs: str, when: str
) -> None:
    on = world.resource(ResourceType.TOPIC, name)
    for variable, setting in world.environment(ADMIN).items():
        monkeypatch.setenv(variable, setting)
    settings = Environment.read()
    with ExitStack() as stack:
        if when == AT_START:
            world.deny(on, ACLOperation.WRITE)
        service = stack.enter_context(running_service(**world.environment(USER)))
        stack.callback(lambda: print(service.log.read_text()))  # noqa: T201
        if when != AT_START:
            wait_until(lambda: service.ready)
            world.deny(on, ACLOperation.WRITE)
        try:
            producer = stack.enter_context(closing(KafkaProducer(**settings.client_options())))
            if when != AT_START:
                for value in (orjson.dumps(EVENT), b"not an event", orjson.dumps(EVENT)):
                    producer.send(settings.events_topic, value).get(timeout=30)
            wait_until(
                lambda: f"WRITE on topic {on.resource_name}: {costs}" in told(service),
                TOLD_SECONDS,
            )
            assert service.process.poll() is None
        finally:
            world.grant(on, ACLOperation.WRITE)
        wait_until(lambda: service.ready, BACK_SECONDS)
        if when == AT_START:
            for value in (orjson.dumps(EVENT), b"not an event", orjson.dumps(EVENT)):
                producer.send(settings.events_topic, value).get(timeout=30)
        wait_until(lambda: service.metric("riverline_model_events") == 2)
        wait_until(lambda: letters(settings, world.names["DEAD_LETTER_TOPIC"]) == 1)


ASKED = 20


def test_a_reply_that_may_not_be_written_waits_for_the_grant_however_long_it_takes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    on = world.resource(ResourceType.TOPIC, "REPLIES_TOPIC")
    for variable, setting in world.environment(ADMIN).items():
        monkeypatch.setenv(variable, setting)
    settings = Environment.read()
    with ExitStack() as stack:
        service = stack.enter_context(running_service(**world.environment(USER)))
        stack.callback(lambda: print(service.log.read_text()))  # noqa: T201
        wait_until(lambda: service.ready)
        producer = stack.enter_context(closing(KafkaProducer(**settings.client_options())))
        world.deny(on, ACLOperation.WRITE)
        try:
            wait_until(lambda: "replies to it wait" in told(service), TOLD_SECONDS)
            for number in range(ASKED):
                headers = [("correlation_id", str(number).encode())]
                producer.send(
                    settings.requests_topic, b'{"method": "describe"}', headers=headers
                ).get(timeout=30)
            # Longer than a reply waits for a topic that is not there.
            wait_until(lambda: "replies have not been delivered for" in service.page("/readyz"), 40)
            assert letters(settings, settings.replies_topic) == 0
        finally:
            world.grant(on, ACLOperation.WRITE)
        wait_until(lambda: letters(settings, settings.replies_topic) == ASKED, BACK_SECONDS)
        wait_until(lambda: service.ready, BACK_SECONDS)


def letters(settings: Environment, topic: str) -> int:
    """How many records a topic has."""
    with closing(KafkaConsumer(**settings.client_options(), group_id=None)) as consumer:
        at = [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic)]
        return int(sum(consumer.end_offsets(at).values()))
