"""A client of every dialect that speaks bytes: exact headers out, records in; no library."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

from support.waiting import wait_until

UUID = bytes(range(0xF0, 0x100))  # as Spring's and SmallRye's may be: no UTF-8
ERROR = {"code": "not-a-number", "message": "tv: expected a number, got a string"}
EVENT = {"tv": 230.1, "radio": 37.8, "newspaper": 69.2, "sales": 22.1}
KEY = b"device-7"
REPLIES = b"<replies>"  # in the tables: the reply topic of the session's service

Headers = list[tuple[str, bytes]]


@dataclass(frozen=True)
class Dialect:
    """What a client of a dialect sends, and the headers of the record it waits for."""

    name: str
    asks: Headers
    answered: Headers
    refused: Headers = field(default_factory=list)  # beside those
    partition: int | None = None
    key: bytes | None = KEY

    def __str__(self) -> str:
        return self.name


PLAIN_ID, SPRING_ID, SMALLRYE_ID = (
    (name, UUID) for name in ("correlation_id", "kafka_correlationId", "REPLY_CORRELATION_ID")
)
NEST_ID = ("kafka_correlationId", b"j3k2l1m0n9b8v7c6x5z4a")
FAUST_ID = ("Faust-Ag-CorrelationId", b"0b8f5c7e-7a0e-4d0e-8f7b-7c3f3d0c1a52")
JSON = ("content-type", b"application/json")
DISPOSED = ("kafka_nest-is-disposed", b"\x00")
ENCODED = orjson.dumps(ERROR)

DIALECTS = [
    Dialect("plain", [PLAIN_ID, ("reply_to", REPLIES)], [PLAIN_ID, JSON]),
    Dialect("spring", [("kafka_replyTopic", REPLIES), SPRING_ID], [SPRING_ID]),
    Dialect(
        "spring, its topic quoted, a partition",
        [
            ("kafka_replyTopic", b'"' + REPLIES + b'"'),
            ("kafka_replyPartition", b"\x00\x00\x00\x02"),
            SPRING_ID,
            ("__TypeId__", b"java.util.HashMap"),
        ],
        [SPRING_ID],
        partition=2,
    ),
    Dialect(
        "nestjs",
        [NEST_ID, ("kafka_replyTopic", REPLIES), ("kafka_replyPartition", b"3")],
        [NEST_ID, DISPOSED],
        [("kafka_nest-err", ENCODED)],
        partition=3,
    ),
    Dialect(
        "smallrye",
        [SMALLRYE_ID, ("REPLY_TOPIC", REPLIES), ("REPLY_PARTITION", b"\x00\x00\x00\x01")],
        [SMALLRYE_ID],
        [("REPLY_ERROR", ENCODED)],
        partition=1,
    ),
    Dialect("faust", [("Faust-Ag-ReplyTo", REPLIES), FAUST_ID], [], key=None),
]


HELLO = [("correlation_id", b"hello"), ("reply_to", REPLIES)]


@dataclass
class Wire:
    """A client that speaks bytes, and reads all of the reply topic."""

    environment: dict[str, str]
    producer: KafkaProducer
    consumer: KafkaConsumer

    def ask(self, headers: Headers, question: object, key: bytes | None = KEY) -> None:
        """Send a request; all go to one partition, so that they are answered in their order."""
        topic = self.environment["REPLIES_TOPIC"].encode()
        named = [(name, raw.replace(REPLIES, topic)) for name, raw in headers]
        value = orjson.dumps(question)
        requests = self.environment["REQUESTS_TOPIC"]
        self.producer.send(requests, value, key=key, headers=named, partition=0).get(timeout=10)

    def read(self, enough: Callable[[list[Any]], bool]) -> list[Any]:
        """The replies from here on, until they are enough."""
        found: list[Any] = []

        def arrived() -> bool:
            for records in self.consumer.poll(timeout_ms=50).values():
                found.extend(records)
            return enough(found)

        wait_until(arrived)
        return found

    def only_reply(self) -> Any:  # noqa: ANN401 - a kafka-python record
        """The one reply to what was asked, and that it is one: nothing else until a hello's."""
        self.ask(HELLO, {"tv": 1})
        replies = self.read(lambda found: len(found) == 2)
        (reply,) = (reply for reply in replies if ("correlation_id", b"hello") not in reply.headers)
        return reply


@contextmanager
def opened(environment: dict[str, str], options: dict[str, Any]) -> Iterator[Wire]:
    """A client whose reading begins before anything is asked.

    Args:
        environment: Names the topics.
        options: kafka-python's, to come in with.
    """
    producer = KafkaProducer(**options, linger_ms=0)
    consumer = KafkaConsumer(**options)
    try:
        topic = environment["REPLIES_TOPIC"]
        consumer.assign([TopicPartition(topic, number) for number in range(4)])
        consumer.seek_to_end()
        for partition in consumer.assignment():
            consumer.position(partition)
        yield Wire(environment, producer, consumer)
    finally:
        producer.close()
        consumer.close()


def reply_on_a_later_topic(
    environment: dict[str, str], options: dict[str, Any], admin_options: dict[str, Any]
) -> Any:  # noqa: ANN401 - a kafka-python record
    """The first reply to a question of Faust's, which is there before its reply topic is.

    Args:
        environment: Names the requests topic.
        options: kafka-python's, to come in with.
        admin_options: The same, of its admin client.
    """
    own = environment | {"REPLIES_TOPIC": f"f-reply-{uuid.uuid4()}"}
    with (
        closing(KafkaProducer(**options, linger_ms=0)) as producer,
        closing(KafkaConsumer(**options, auto_offset_reset="earliest")) as consumer,
    ):
        client = Wire(own, producer, consumer)
        client.ask([("Faust-Ag-ReplyTo", REPLIES), FAUST_ID], {"tv": 50})
        with closing(KafkaAdminClient(**admin_options)) as admin:
            admin.create_topics([NewTopic(own["REPLIES_TOPIC"], 1, -1)])
        consumer.subscribe([own["REPLIES_TOPIC"]])
        (reply,) = client.read(lambda found: len(found) > 0)
        return reply


def enveloped(question: dict[str, Any], reply_to: str, kind: str) -> dict[str, Any]:
    """A question of Faust's, without reply headers."""
    return {
        "value": question,
        "reply_to": reply_to,
        "correlation_id": FAUST_ID[1].decode(),
        "__faust": {"ns": kind},
    }


def body(reply: Any, dialect: Dialect) -> dict[str, Any]:  # noqa: ANN401 - a kafka-python record
    """What is answered, out of its envelope if it is in one."""
    document: dict[str, Any] = orjson.loads(reply.value)
    if dialect.name != "faust":
        return document
    assert list(document) == ["key", "value", "correlation_id"]
    assert (document["key"], document["correlation_id"]) == (KEY.decode(), FAUST_ID[1].decode())
    inner: dict[str, Any] = document["value"]
    return inner


def assert_written_in(dialect: Dialect, reply: Any, headers: Headers) -> None:  # noqa: ANN401
    assert list(reply.headers) == headers
    assert reply.key == dialect.key
    assert dialect.partition in (None, reply.partition)
