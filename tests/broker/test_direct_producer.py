"""The short way: records are taken and replies sent in the client's I/O thread (a real broker)."""

import math
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from broker import EmbeddedKafka
from consumer.client import connections
from consumer.client.fast_path import FastPath
from consumer.client.internals.direct_producer import DirectProducer
from consumer.client.internals.group import joined
from consumer.client.internals.serve import Batches
from consumer.client.poll import Take, poll, serve
from consumer.client.precedence import Precedence
from consumer.client.protocols import Consumer
from consumer.decode import Unreadable
from consumer.decode.dialects import Message
from consumer.settings import Settings
from support.waiting import wait_until

POLL_MS = 200
PATH = FastPath()
KILOBYTE = b"x" * 1000


@pytest.fixture(scope="module")
def kafka() -> Iterator[str]:
    """Not the session's: one that creates topics for whoever asks about them (the default)."""
    with EmbeddedKafka(properties={"auto.create.topics.enable": "true"}) as embedded:
        yield embedded.bootstrap_servers


@pytest.fixture
def settings(service_settings: Settings) -> Settings:
    return service_settings


@pytest.fixture
def consumer(settings: Settings) -> Iterator[Consumer]:
    """Of the requests, in a group at rest."""
    opened = connections.requests_consumer(settings, Precedence())
    with closing(opened):
        wait_until(lambda: bool(opened.partitions_for_topic(settings.requests_topic)))
        opened.subscribe([settings.requests_topic], listener=None)
        wait_until(lambda: poll(opened, POLL_MS) == {} and joined(opened))
        # It begins at the log's end: what is asked before that is found would be passed over.
        assert [opened.position(at) for at in opened.assignment()] == [0] * 4
        wait_until(
            lambda: poll(opened, POLL_MS) == {} and serve(PATH, opened, nothing, POLL_MS, idly)
        )
        yield opened


def idly() -> float:
    """Nothing waits to be answered."""
    return math.inf


@pytest.fixture
def direct(consumer: Consumer, settings: Settings) -> Iterator[DirectProducer]:
    with closing(DirectProducer(consumer, settings)) as direct:
        yield direct


def nothing(taken: Batches) -> None:
    raise AssertionError(taken)


def ask(settings: Settings, *values: bytes, key: bytes | None = None) -> None:
    with closing(KafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)) as producer:
        for number, value in enumerate(values):
            producer.send(settings.requests_topic, value=value, key=key, partition=number % 4)
        producer.flush()


def serve_until(consumer: Consumer, take: Take, enough: Any) -> None:  # noqa: ANN401 - any condition
    def turn() -> bool:
        if not serve(PATH, consumer, take, POLL_MS, idly):
            polled = poll(consumer, POLL_MS)
            if polled:
                take(polled)
        return bool(enough())

    wait_until(turn)


class Echo:
    """Sends what it takes back by the direct, or something larger in its place."""

    def __init__(self, direct: DirectProducer, topic: str) -> None:
        self.direct, self.topic = direct, topic
        self.instead: list[bytes] = []
        self.threads: set[threading.Thread] = set()
        self.fates: list[bool] = []
        self.not_taken: list[bytes] = []

    def arrived(self, *, delivered: bool) -> None:
        self.fates.append(delivered)

    def __call__(self, taken: Batches) -> None:
        self.threads.add(threading.current_thread())
        for records in taken.values():
            for record in records:
                for value in self.instead or [record.value or b""]:
                    self.send(record.key, value)
        self.direct.flush()

    def send(self, key: bytes | None, value: bytes) -> None:
        message = Message(key, value, [("correlation_id", b"\xff7")])
        if not self.direct.send(self.topic, None, message, self.arrived):
            self.not_taken.append(value)


def read(settings: Settings, topic: str, due: set[bytes]) -> list[Any]:
    """The records with these values; others are passed over."""
    servers = settings.kafka_bootstrap_servers
    found: list[Any] = []
    with closing(KafkaConsumer(bootstrap_servers=servers, group_id=None)) as reader:
        reader.assign([TopicPartition(topic, number) for number in range(4)])
        reader.seek_to_beginning()
        while len(found) < len(due):
            polled = reader.poll(timeout_ms=5000)
            assert polled, f"{len(found)} of {len(due)}"
            for records in polled.values():
                found += [record for record in records if record.value in due]
    return found


def warmed(consumer: Consumer, direct: DirectProducer, settings: Settings) -> Echo:
    """An echo whose direct knows the topic of the replies and is connected."""
    echo = Echo(direct, settings.replies_topic)
    asked = 0

    def on_its_way() -> bool:
        nonlocal asked
        ask(settings, b"warm up")
        asked += 1
        serve_until(consumer, echo, lambda: len(echo.fates) + len(echo.not_taken) == asked)
        return True in echo.fates

    wait_until(on_its_way)
    echo.fates.clear()
    echo.not_taken.clear()
    echo.threads.clear()
    return echo


def test_what_is_asked_is_sent_back_by_the_thread_that_read_it(
    consumer: Consumer, direct: DirectProducer, settings: Settings
) -> None:
    echo = warmed(consumer, direct, settings)
    asked = [b"question %d" % number for number in range(200)]
    ask(settings, *asked, key=b"key")
    serve_until(consumer, echo, lambda: len(echo.fates) == 200)
    assert echo.fates == [True] * 200
    assert threading.current_thread() not in echo.threads
    replies = read(settings, settings.replies_topic, set(asked))
    assert sorted(record.value for record in replies) == sorted(asked)
    assert {record.key for record in replies} == {b"key"}
    assert {tuple(record.headers) for record in replies} == {(("correlation_id", b"\xff7"),)}
    with closing(KafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)) as producer:
        usual = producer.send(settings.replies_topic, value=b"", key=b"key").get(timeout=10)
    assert {record.partition for record in replies} == {usual.partition}


def test_a_message_of_another_thread_is_not_taken(
    consumer: Consumer, direct: DirectProducer, settings: Settings
) -> None:
    echo = warmed(consumer, direct, settings)
    echo.send(None, b"from elsewhere")
    assert echo.not_taken == [b"from elsewhere"]


def test_a_message_to_a_topic_that_is_not_there_is_not_taken_and_makes_none(
    consumer: Consumer, direct: DirectProducer, settings: Settings
) -> None:
    echo = warmed(consumer, direct, settings)
    echo.topic = f"{settings.replies_topic}-of-nobody"
    for _ in range(3):
        ask(settings, b"1")
        serve_until(consumer, echo, lambda: echo.not_taken)
        echo.not_taken.clear()
    with closing(connections.admin(settings)) as admin:
        assert echo.topic not in admin.list_topics()
        bare = f"{echo.topic}-asked-for"
        with closing(KafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)) as asking:
            asking.partitions_for(bare)
        assert bare in admin.list_topics()  # so this broker would have made it


def test_what_kafka_does_not_take_is_told_so_and_the_next_arrives(
    consumer: Consumer, direct: DirectProducer, settings: Settings
) -> None:
    echo = warmed(consumer, direct, settings)
    echo.instead = [2000 * KILOBYTE]
    ask(settings, b"1")
    serve_until(consumer, echo, lambda: echo.fates == [False])
    echo.instead = []
    ask(settings, b"2")
    serve_until(consumer, echo, lambda: echo.fates == [False, True])


def test_more_than_a_batch_holds_goes_another_way(
    consumer: Consumer, direct: DirectProducer, settings: Settings
) -> None:
    echo = warmed(consumer, direct, settings)
    echo.instead = [100 * KILOBYTE] * 20
    ask(settings, b"1", key=b"so all go to one partition")
    serve_until(consumer, echo, lambda: len(echo.fates) == 20)
    assert echo.fates.count(True) == 8  # of at most 900,000 bytes


def test_while_nothing_is_to_be_fetched_serving_ends_at_once(settings: Settings) -> None:
    with closing(connections.requests_consumer(settings, Precedence())) as idle:
        idle.subscribe([settings.requests_topic], listener=None)
        assert not serve(PATH, idle, nothing, 60_000, idly)


def test_what_is_raised_on_taking_is_raised_by_serving(
    consumer: Consumer, settings: Settings
) -> None:
    def divide(_: Batches) -> None:
        raise ZeroDivisionError

    ask(settings, b"1")
    with pytest.raises(ZeroDivisionError):
        serve_until(consumer, divide, lambda: False)


def test_a_batch_that_cannot_be_read_is_stepped_over_while_serving(
    consumer: Consumer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[Batches] = []
    unpack = getattr(consumer, "_fetcher").PartitionRecords._unpack_records  # noqa: B009
    faults = iter([ValueError("a hostile record")])

    def hostile(self: Any, at: object, batches: Any, *rest: Any) -> Iterator[Any]:  # noqa: ANN401
        if batches.has_next():
            for fault in faults:
                raise fault
        yield from unpack(self, at, batches, *rest)

    ask(settings, b"1")
    fetched = getattr(consumer, "_fetcher").PartitionRecords  # noqa: B009
    monkeypatch.setattr(fetched, "_unpack_records", hostile)
    serve_until(consumer, taken.append, lambda: taken)
    ((at, (pill,)),) = taken[0].items()
    assert (at.topic, pill.offset) == (settings.requests_topic, 0)
    assert isinstance(pill.value, Unreadable)
    assert "a hostile record" in pill.value.detail
    ask(settings, b"2")
    serve_until(consumer, taken.append, lambda: len(taken) == 2)
    assert [record.value for record in taken[1][at]] == [b"2"]
