"""Each dialect's exact headers in, each byte of the reply's record out; no client's library."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import orjson
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

from service import wait_until

UUID = bytes(range(0xF0, 0x100))  # as Spring's and SmallRye's may be: no UTF-8
ERROR = {"code": "not-a-number", "message": "tv is a string; a number is due"}
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

        wait_until(arrived, 20)
        return found

    def only_reply(self) -> Any:  # noqa: ANN401 - a kafka-python record
        """The one reply to what was asked, and that it is one: nothing else until a hello's."""
        self.ask(HELLO, {"tv": 1})
        replies = self.read(lambda found: len(found) == 2)
        (reply,) = (reply for reply in replies if ("correlation_id", b"hello") not in reply.headers)
        return reply


@pytest.fixture
def wire(environment: dict[str, str]) -> Iterator[Wire]:
    """A client whose reading begins before anything is asked."""
    servers = environment["KAFKA_BOOTSTRAP_SERVERS"]
    producer = KafkaProducer(bootstrap_servers=servers, linger_ms=0)
    consumer = KafkaConsumer(bootstrap_servers=servers)
    topic = environment["REPLIES_TOPIC"]
    consumer.assign([TopicPartition(topic, number) for number in range(4)])
    consumer.seek_to_end()
    for partition in consumer.assignment():
        consumer.position(partition)
    yield Wire(environment, producer, consumer)
    producer.close()
    consumer.close()


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


@pytest.mark.parametrize("dialect", DIALECTS, ids=str)
def test_an_answer_has_the_bytes_that_its_reader_waits_for(wire: Wire, dialect: Dialect) -> None:
    wire.ask(dialect.asks, {"tv": 50})
    reply = wire.only_reply()
    assert_written_in(dialect, reply, dialect.answered)
    assert body(reply, dialect)["prediction"] > 0


@pytest.mark.parametrize("dialect", DIALECTS, ids=str)
def test_an_error_has_the_bytes_that_its_reader_waits_for(wire: Wire, dialect: Dialect) -> None:
    wire.ask(dialect.asks, {"tv": "abc"})
    reply = wire.only_reply()
    assert_written_in(dialect, reply, dialect.answered + dialect.refused)
    told = body(reply, dialect)
    assert told["error"] == ERROR
    assert told.keys() == {"error", "application"}


@pytest.mark.parametrize("dialect", DIALECTS, ids=str)
def test_an_event_is_acknowledged_in_the_dialect_that_it_came_in(
    wire: Wire, dialect: Dialect
) -> None:
    wire.ask(dialect.asks, {"method": "learn", "params": EVENT})
    (reply,) = wire.read(lambda found: len(found) > 0)
    assert_written_in(dialect, reply, dialect.answered)
    assert body(reply, dialect)["learned"] is True


@pytest.mark.parametrize("dialect", DIALECTS, ids=str)
def test_past_its_deadline_a_request_is_told_so_in_every_dialect(
    wire: Wire, dialect: Dialect
) -> None:
    wire.ask([*dialect.asks, ("deadline", b"1")], {"tv": 50})
    (reply,) = wire.read(lambda found: len(found) > 0)
    assert body(reply, dialect)["error"]["code"] == "expired"


@pytest.mark.parametrize(
    ("tag", "kind"),
    [
        ({}, "@ReqRepRequest"),
        ({"__faust": {"ns": "my.Question"}}, "faust.agents.models.ModelReqRepRequest"),
    ],
)
def test_faust_may_ask_all_in_an_envelope(wire: Wire, tag: dict[str, Any], kind: str) -> None:
    envelope = {
        "value": {"tv": 50, **tag},
        "reply_to": wire.environment["REPLIES_TOPIC"],
        "correlation_id": FAUST_ID[1].decode(),
        "__faust": {"ns": kind},
    }
    wire.ask([], envelope)
    reply = wire.only_reply()
    assert (reply.key, list(reply.headers)) == (None, [])
    assert body(reply, DIALECTS[-1])["prediction"] > 0


def test_faust_may_ask_before_its_reply_topic_is_there(wire: Wire) -> None:
    topic = f"f-reply-{uuid.uuid4()}"
    servers = wire.environment["KAFKA_BOOTSTRAP_SERVERS"]
    wire.ask([("Faust-Ag-ReplyTo", topic.encode()), FAUST_ID], {"tv": 50})
    admin = KafkaAdminClient(bootstrap_servers=servers)
    admin.create_topics([NewTopic(topic, 1, 1)])
    admin.close()
    consumer = KafkaConsumer(topic, bootstrap_servers=servers, auto_offset_reset="earliest")
    replies = Wire(wire.environment, wire.producer, consumer)
    (reply,) = replies.read(lambda found: len(found) > 0)
    consumer.close()
    assert body(reply, DIALECTS[-1])["prediction"] > 0


UNUSABLE = [
    [SPRING_ID, ("kafka_replyTopic", REPLIES), ("kafka_replyPartition", b"\x00\x00\x00\x63")],
    [SPRING_ID, ("kafka_replyTopic", REPLIES), ("kafka_replyPartition", b"\xff\xff\xff\xff")],
    [SPRING_ID, ("kafka_replyTopic", b'"half')],
    [NEST_ID, ("kafka_replyTopic", REPLIES), ("kafka_replyPartition", b"4")],
    [SMALLRYE_ID, ("REPLY_TOPIC", b"__consumer_offsets")],
    [SMALLRYE_ID, ("REPLY_TOPIC", REPLIES), ("REPLY_PARTITION", b"one")],
    [PLAIN_ID, ("reply_to", b"prediction-replies-\xff")],
    [PLAIN_ID, ("reply_to", b"prediction-replies-" + b"x" * 10_000)],
    [PLAIN_ID, ("reply_to", b"prediction-replies/../etc")],
]


@pytest.mark.parametrize("headers", UNUSABLE)
def test_who_cannot_be_reached_is_told_on_the_default_topic_in_its_dialect(
    wire: Wire, headers: Headers
) -> None:
    wire.ask(headers, {"tv": 50})
    reply = wire.only_reply()
    assert reply.headers[0] == headers[0]
    assert orjson.loads(reply.value)["error"]["code"] == "bad-reply-address"


NOBODY = [
    *UNUSABLE,
    [("kafka_replyTopic", b"prediction-replies-that-never-are")],
    [("REPLY_TOPIC", b"prediction-replies-that-are-not")],
    [("Faust-Ag-ReplyTo", b"f-reply-of-nobody")],
    [("Faust-Ag-ReplyTo", REPLIES), ("Faust-Ag-CorrelationId", UUID)],
    [("reply_to", REPLIES), ("correlation_id", b"x" * 129)],
    [],
]


def test_hostile_addresses_delay_no_honest_answer(wire: Wire) -> None:
    seconds = []
    for turn in range(50):
        for headers in NOBODY:
            wire.ask(headers, {"tv": 50})
        honest = ("correlation_id", b"honest-%d" % turn)
        started = monotonic()
        wire.ask([honest, ("reply_to", REPLIES)], {"tv": 50})
        wire.read(lambda found, honest=honest: any(honest in reply.headers for reply in found))  # type: ignore[misc]
        seconds.append(monotonic() - started)
    assert max(seconds) < 2.5  # half of what one reply waits for a topic that is not there
