"""Each dialect's exact headers in, each byte of the reply's record out; no client's library."""

from collections.abc import Iterator
from time import monotonic
from typing import Any

import orjson
import pytest

from dialects.wire import (
    DIALECTS,
    ERROR,
    EVENT,
    NEST_ID,
    PLAIN_ID,
    REPLIES,
    SMALLRYE_ID,
    SPRING_ID,
    UUID,
    Dialect,
    Headers,
    Wire,
    assert_written_in,
    body,
    enveloped,
    opened,
    reply_on_a_later_topic,
)


@pytest.fixture
def wire(environment: dict[str, str]) -> Iterator[Wire]:
    """A client whose reading begins before anything is asked."""
    options = {"bootstrap_servers": environment["KAFKA_BOOTSTRAP_SERVERS"]}
    with opened(environment, options) as client:
        yield client


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
    topic = wire.environment["REPLIES_TOPIC"]
    wire.ask([], enveloped({"tv": 50, **tag}, topic, kind))
    reply = wire.only_reply()
    assert (reply.key, list(reply.headers)) == (None, [])
    assert body(reply, DIALECTS[-1])["prediction"] > 0


def test_faust_may_ask_before_its_reply_topic_is_there(environment: dict[str, str]) -> None:
    options = {"bootstrap_servers": environment["KAFKA_BOOTSTRAP_SERVERS"]}
    reply = reply_on_a_later_topic(environment, options, options)
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
