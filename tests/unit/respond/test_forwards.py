"""Events sent as requests find their way to the events topic, or whoever sent them is told."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from kafka import TopicPartition
from kafka.errors import KafkaTimeoutError

from consumer.decode.request_error import RequestError
from consumer.model.repeats import REMEMBERED
from consumer.respond.forwards import BUFFER_BYTES, MAX_UNCOMMITTED, Forward, Forwards
from contract.messages import ErrorCode
from unit.records import Record
from unit.respond.test_replies import MemoryProducer

EVENTS = "mobile-events"
HEADERS = [("reply_to", b"prediction-replies"), ("correlation_id", b"7")]


@dataclass
class Told:
    settled: bool = False


@dataclass
class Way:
    """The way on, over a producer in memory."""

    producer: MemoryProducer = field(
        default_factory=lambda: MemoryProducer({EVENTS: {0, 1}}, limit=BUFFER_BYTES)
    )
    told: Told = field(default_factory=Told)
    arrived: int = 0
    refused: list[RequestError] = field(default_factory=list)
    forwards: Forwards = field(init=False)

    def __post_init__(self) -> None:
        self.forwards = Forwards(self.producer, EVENTS, lambda: "an-id", 4)

    def send(
        self,
        *,
        offset: int = 71,
        partition: int = 3,
        value: bytes = b"{}",
        uncommitted: int = 0,
        headers: Sequence[tuple[str, bytes]] = HEADERS,
    ) -> Forward:
        def arrived() -> None:
            self.arrived += 1

        def refuse(refusal: RequestError) -> Told:
            self.refused.append(refusal)
            return self.told

        return self.forwards.send(
            value,
            Record(offset, b"the request", timestamp=1_780_000_000_000, key=b"k"),
            TopicPartition("requests", partition),
            headers,
            uncommitted=uncommitted,
            arrived=arrived,
            refuse=refuse,
        )


@pytest.fixture
def way() -> Way:
    return Way()


def test_an_event_goes_to_partition_0_wherever_its_request_was_and_says_which(way: Way) -> None:
    for partition in range(5):
        way.send(partition=partition)
    assert {sent.partition for sent in way.producer.sent} == {0}
    assert [dict(sent.headers or ())["riverline.request"] for sent in way.producer.sent] == [
        b"an-id-%d:71:1780000000000" % partition for partition in range(5)
    ]


def test_the_growth_of_the_events_topic_moves_no_event(way: Way) -> None:
    way.send()
    way.producer.topics[EVENTS] = set(range(7))
    way.send()
    first, again = way.producer.sent
    assert first.partition == again.partition


def test_sent_again_after_a_crash_it_is_the_same_to_the_last_byte(way: Way) -> None:
    way.send(value=b'{"tv": 1}')
    after = Way(producer=way.producer)
    after.send(value=b'{"tv": 1}')
    first, again = way.producer.sent
    assert (first.key, first.value, first.headers) == (again.key, again.value, again.headers)
    assert first.headers == [*HEADERS, ("riverline.request", b"an-id-3:71:1780000000000")]


def test_it_is_settled_when_kafka_has_it(way: Way) -> None:
    forward = way.send()
    assert (forward.settled, way.arrived) == (False, 0)
    way.producer.sent[0].future.acknowledge()
    assert (forward.settled, way.arrived) == (True, 1)
    assert way.refused == []


def test_where_kafka_does_not_confirm_it_whoever_sent_it_is_told(way: Way) -> None:
    forward = way.send()
    way.producer.sent[0].future.fail(KafkaTimeoutError("gone"))
    (refusal,) = way.refused
    assert refusal.code is ErrorCode.NOT_LEARNED
    assert "KafkaTimeoutError" in refusal.message
    assert not forward.settled
    way.told.settled = True
    assert forward.settled
    assert way.arrived == 0


def test_where_it_cannot_be_sent_it_is_refused_at_once(way: Way) -> None:
    way.producer.topics.clear()
    with pytest.raises(RequestError, match="KafkaTimeoutError") as refused:
        way.send()
    assert refused.value.code is ErrorCode.NOT_LEARNED


def test_no_more_are_sent_on_without_a_commit_than_the_learner_remembers(way: Way) -> None:
    share = MAX_UNCOMMITTED // 4
    way.send(uncommitted=share - 1)
    with pytest.raises(RequestError, match="not committed yet") as refused:
        way.send(uncommitted=share)
    assert refused.value.code is ErrorCode.NOT_LEARNED
    assert way.forwards.is_half_full(share // 2 + 1)
    assert not way.forwards.is_half_full(share // 2)
    assert 4 * share <= REMEMBERED / 2


def test_so_many_bytes_may_be_on_their_way_and_no_more(way: Way) -> None:
    value = b"x" * (BUFFER_BYTES // 4)
    for _ in range(3):
        way.send(value=value)
    with pytest.raises(RequestError, match="on their way"):
        way.send(value=value)
    way.producer.sent[0].future.acknowledge()
    way.producer.sent[1].future.fail(KafkaTimeoutError("gone"))
    way.send(value=value)
    way.send(value=value)
