"""Events on topics of their own: filled before, behind a gate, or as a storm."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from uuid import uuid4

import numpy as np
import orjson
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from contract.topics import PARTITION_COUNT, Topic
from producer.simulate import simulate
from programs import OURS, running

PATIENCE_SECONDS = 60
GATE_SECONDS = 600
STORM_SECONDS = 600
BUFFERED = 2_000_000  # events, more than librdkafka's 100,000: none waits while it is full
QUIET = {"log_level": 3}  # librdkafka says on stderr what it does about each hiccup; errors alone


def fresh(name: str) -> str:
    """A unique name."""
    return f"{name}-{uuid4().hex[:12]}"


def mobile_events(count: int) -> Iterator[bytes]:
    """Simulated events; after 100,000 the same again."""
    values = [orjson.dumps(event) for event in simulate(min(count, 100_000), seed=1)]
    return islice(cycle(values), count)


def large_events(count: int) -> Iterator[bytes]:
    """The same, each among 600 bytes of what a mobile SDK sends beside it; tv in whole numbers."""
    beside = {
        "event": "Order Completed",
        "messageId": "0b1f3c7e-5b6b-4e0e-9f43-2c6f4f1f2a11",
        "userId": "u-48213",
        "context": {
            "os": {"name": "iOS", "version": "17.1.2"},
            "device": {"id": "7f1c2a9b-0d2e-4f55-8d61-8a34f0f5a0c9", "model": "iPhone14,2"},
            "library": {"name": "analytics-ios", "version": "4.1.6"},
            "screen": {"width": 390, "height": 844, "density": 3},
            "locale": "en-US",
        },
        "properties": {
            "products": [
                {"sku": "x-1", "price": 9.99, "quantity": 2},
                {"sku": "x-2", "price": 19.99, "quantity": 1},
            ],
            "currency": "EUR",
        },
        "timestamp": "2026-11-27T12:00:00.000Z",
    }
    events = simulate(min(count, 100_000), seed=1)
    values = [orjson.dumps(beside | event | {"tv": round(event["tv"])}) for event in events]
    return islice(cycle(values), count)


def wide_events(count: int, fields: int) -> Iterator[bytes]:
    """Events of so many features, x1 and on, with a target that is their sum and noise."""
    rng = np.random.default_rng(1)
    names = [*(f"x{number}" for number in range(1, fields + 1)), "y"]
    features = np.round(rng.uniform(0, 100, size=(count, fields)), 1)
    target = features.sum(axis=1) + rng.normal(size=count)
    for row in np.column_stack([features, target]).tolist():
        yield orjson.dumps(dict(zip(names, row, strict=True)))


def create(servers: str, *topics: Topic) -> None:
    """Make topics with the settings that the service gives them.

    Raises:
        KafkaException: Kafka does not, for a reason that it says.
    """
    admin = AdminClient({"bootstrap.servers": servers, **QUIET})
    made = [
        NewTopic(topic.name, topic.partition_count, 1, config=dict(topic.config))
        for topic in topics
    ]
    for future in admin.create_topics(made).values():
        future.result(PATIENCE_SECONDS)


def fill(
    servers: str, topic: str, values: Iterable[bytes], partitions: int = PARTITION_COUNT
) -> None:
    """Put events on a topic, to each partition in turn.

    Raises:
        TimeoutError: Kafka does not take them.
    """
    producer = Producer({"bootstrap.servers": servers, **_BULK, **QUIET})
    _produce(producer, topic, values, partitions)


def sent(servers: str, topic: str) -> int:
    """How many records the topic has."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": fresh("counter"), **QUIET})
    try:
        ends = (
            consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=PATIENCE_SECONDS)
            for number in range(PARTITION_COUNT)
        )
        return sum(high for _, high in ends)
    finally:
        consumer.close()


@contextmanager
def gated(servers: str, topic: str, values: Iterable[bytes]) -> Iterator[Callable[[], None]]:
    """Events that become visible to all consumers at once, when the gate is opened.

    They stand on the topic already, in a transaction: opening the gate is its commit.
    """
    producer = Producer(
        {
            "bootstrap.servers": servers,
            "transactional.id": fresh("gate"),
            "transaction.timeout.ms": GATE_SECONDS * 1000,
            **_BULK,
            **QUIET,
        }
    )
    producer.init_transactions(PATIENCE_SECONDS)
    producer.begin_transaction()
    _produce(producer, topic, values, PARTITION_COUNT)
    yield lambda: producer.commit_transaction(PATIENCE_SECONDS)


@contextmanager
def storm(servers: str, topic: str, rate: int, partitions: int = PARTITION_COUNT) -> Iterator[None]:
    """Meanwhile a process of its own sends so many events a second."""
    arguments = (servers, topic, str(partitions), str(rate), str(STORM_SECONDS))
    with running(OURS, "storm", *arguments):
        yield


_BULK = {"linger.ms": 20, "queue.buffering.max.messages": BUFFERED}


def _produce(producer: Producer, topic: str, values: Iterable[bytes], partitions: int) -> None:
    for number, value in enumerate(values):
        producer.produce(topic, value, partition=number % partitions)
        if not number % 10_000:
            producer.poll(0)
    if producer.flush(PATIENCE_SECONDS):
        raise TimeoutError(f"{topic}: Kafka has not taken all events in {PATIENCE_SECONDS} s")
