"""Replies find their way, and those that cannot are in nobody's way."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

import orjson
import pytest
from kafka.errors import KafkaTimeoutError, MessageSizeTooLargeError, TopicAuthorizationFailedError

from consumer.client.protocols import Arrived, Direct, Producer
from consumer.decode.dialects import Address, Message
from consumer.decode.dialects.families import PLAIN
from consumer.respond.pending import OVERHEAD_BYTES, PendingReply
from consumer.respond.replies import PATIENCE_SECONDS, Replies
from contract.messages import Method, RequestOutcome

HERE = "prediction-replies"
NOWHERE = "prediction-replies-of-nobody"
NOW = 1000.0
BUFFER_BYTES = 400_000


class MemoryFuture:
    """A send that is acknowledged, or fails, when the test says so."""

    def __init__(self) -> None:
        self.is_done = False
        self._callbacks: list[Callable[[], None]] = []
        self._errbacks: list[Callable[[BaseException], None]] = []

    def add_callback(self, f: Callable[..., None], *args: object) -> object:
        self._callbacks.append(lambda: f(*args, None))
        return self

    def add_errback(self, f: Callable[..., None], *args: object) -> object:
        self._errbacks.append(lambda error: f(*args, error))
        return self

    def get(self, timeout: float | None = None) -> None:
        assert self.is_done, timeout

    def acknowledge(self) -> None:
        self.is_done = True
        for callback in self._callbacks:
            callback()

    def fail(self, error: BaseException) -> None:
        self.is_done = True
        for errback in self._errbacks:
            errback(error)


@dataclass
class Sent:
    topic: str
    value: bytes | None
    key: bytes | None
    headers: list[tuple[str, bytes]] | None
    partition: int | None
    future: MemoryFuture = field(default_factory=MemoryFuture)


class MemoryProducer:
    """Topics with their partitions, and what was sent to them.

    Args:
        topics: The partitions of each topic there is.
        limit: The largest value that is taken.
    """

    def __init__(self, topics: dict[str, set[int]], limit: int = 1000) -> None:
        self.topics = topics
        self.limit = limit
        self.sent: list[Sent] = []
        self.asked: list[str] = []

    def send(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        headers: list[tuple[str, bytes]] | None = None,
        partition: int | None = None,
    ) -> MemoryFuture:
        if topic not in self.topics:
            raise KafkaTimeoutError(topic)
        if len(value or b"") > self.limit:
            raise MessageSizeTooLargeError
        self.sent.append(Sent(topic, value, key, headers, partition))
        return self.sent[-1].future

    def partitions_for(self, topic: str) -> set[int]:
        self.asked.append(topic)
        if topic not in self.topics:
            raise KafkaTimeoutError(topic)
        return self.topics[topic]

    def flush(self, timeout: float | None = None) -> None:
        pass

    def close(self, timeout: float | None = None) -> None:
        pass


class MemoryDirect:
    """A direct that takes what it is given while it is open."""

    def __init__(self) -> None:
        self.open = False
        self.taken: list[tuple[str, int | None, Message]] = []
        self.arrivals: list[Arrived] = []
        self.left = 0

    def send(self, topic: str, partition: int | None, message: Message, arrived: Arrived) -> bool:
        if self.open:
            self.taken.append((topic, partition, message))
            self.arrivals.append(arrived)
        return self.open

    def flush(self) -> None:
        self.left = len(self.taken)


@dataclass
class Way:
    """A way out for replies over a producer and a direct in memory; the short one closed."""

    producer: MemoryProducer = field(default_factory=lambda: MemoryProducer({HERE: {0, 1}}))
    direct: MemoryDirect = field(default_factory=MemoryDirect)
    looks: int = 0
    counted: list[tuple[Method | None, RequestOutcome]] = field(default_factory=list)
    replies: Replies = field(init=False)

    def __post_init__(self) -> None:
        producer: Producer = self.producer
        direct = cast("Direct", self.direct)
        self.replies = Replies(
            producer,
            direct,
            self._look,
            self._count,
            BUFFER_BYTES,
            "riverline",
        )

    def _count(self, method: Method | None, outcome: RequestOutcome) -> None:
        self.counted.append((method, outcome))

    @property
    def lost(self) -> list[Method | None]:
        """The methods of those that were not answered."""
        return [method for method, outcome in self.counted if outcome is RequestOutcome.REFUSED]

    def _look(self) -> None:
        self.looks += 1

    def send(
        self,
        topic: str = HERE,
        *,
        says: object = 0,
        **address: Any,  # noqa: ANN401
    ) -> PendingReply:
        where = Address(topic, PLAIN, b"\xff7", **address)
        answered = RequestOutcome.ANSWERED
        reply = PendingReply(where, b"key", {"says": says}, Method.PREDICT, NOW, answered)
        self.replies.send(reply)
        return reply

    def deliver(self, *existing: str, after: float = 0.0) -> bool:
        there = {topic: len(self.producer.topics.get(topic, ())) for topic in existing}
        return self.replies.deliver_waiting(there, NOW + after)


@pytest.fixture
def way() -> Way:
    return Way()


@pytest.fixture
def known(way: Way) -> Way:
    """One whose topic HERE is known already."""
    way.send()
    way.deliver(HERE)
    way.producer.sent.pop().future.acknowledge()
    way.counted.clear()
    way.looks = 0
    return way


def test_the_first_reply_to_a_topic_waits_for_a_look_at_the_topics(way: Way) -> None:
    way.send()
    assert (way.producer.sent, way.producer.asked, way.looks) == ([], [], 1)
    assert not way.deliver(HERE)
    assert [sent.topic for sent in way.producer.sent] == [HERE]


def test_a_reply_to_a_known_topic_is_sent_at_once(known: Way) -> None:
    known.send(says=9.4, partition=1)
    (sent,) = known.producer.sent
    assert (sent.value, sent.key, sent.partition) == (b'{"says":9.4}', b"key", 1)
    assert sent.headers == [("correlation_id", b"\xff7"), *PLAIN.constant]
    assert known.looks == 0


def test_a_reply_that_the_lane_takes_is_not_the_producers_and_is_settled_there(known: Way) -> None:
    known.direct.open = True
    reply = known.send(says=9.4, partition=1)
    known.replies.flush()
    ((topic, partition, message),) = known.direct.taken
    assert (topic, partition, message.value) == (HERE, 1, b'{"says":9.4}')
    assert known.direct.left == 1
    assert not reply.settled
    known.direct.arrivals[0](delivered=True)
    assert reply.settled
    assert known.producer.sent == []


def test_a_reply_that_the_lane_could_not_deliver_is_the_producers(known: Way) -> None:
    known.direct.open = True
    reply = known.send(says=9.4, partition=1)
    known.direct.arrivals[0](delivered=False)
    assert not reply.settled
    (sent,) = known.producer.sent
    assert (sent.topic, sent.value, sent.partition) == (HERE, b'{"says":9.4}', 1)
    sent.future.acknowledge()
    assert reply.settled


def test_the_lane_is_not_asked_to_go_where_there_is_nothing(known: Way) -> None:
    known.direct.open = True
    known.send(NOWHERE)
    known.send(partition=2)
    assert known.direct.taken == []


def test_a_reply_is_settled_when_it_is_acknowledged_and_not_before(known: Way) -> None:
    reply = known.send()
    assert not reply.settled
    known.producer.sent[0].future.acknowledge()
    assert reply.settled


def test_a_reply_that_kafka_loses_is_settled_and_not_sent_again(known: Way) -> None:
    reply = known.send()
    known.producer.sent[0].future.fail(KafkaTimeoutError("gone"))
    assert reply.settled
    assert not known.deliver(HERE, after=100)
    assert len(known.producer.sent) == 1


def test_a_reply_to_an_unknown_topic_waits_and_holds_up_no_other(known: Way) -> None:
    waiting = known.send(NOWHERE)
    others = [known.send() for _ in range(100)]
    assert [sent.topic for sent in known.producer.sent] == [HERE] * 100
    assert known.deliver(HERE)
    for sent in known.producer.sent:
        sent.future.acknowledge()
    assert all(reply.settled for reply in others)
    assert not waiting.settled
    assert known.lost == []


def test_kafka_is_never_asked_about_a_topic_that_is_not_there(known: Way) -> None:
    known.producer.asked.clear()
    known.send(NOWHERE)
    assert known.deliver(HERE)
    assert known.producer.asked == []


def test_a_topic_that_comes_late_gets_the_reply_that_waited(known: Way) -> None:
    known.send(NOWHERE, says="late")
    assert known.deliver(HERE, after=PATIENCE_SECONDS)
    known.producer.topics[NOWHERE] = {0}
    assert not known.deliver(HERE, NOWHERE, after=PATIENCE_SECONDS + 1)
    assert [(sent.topic, sent.value) for sent in known.producer.sent] == [
        (NOWHERE, b'{"says":"late"}')
    ]
    assert known.lost == []


def test_a_reply_is_given_up_after_the_patience_and_told_so_once(known: Way) -> None:
    reply = known.send(NOWHERE)
    assert known.deliver(HERE, after=PATIENCE_SECONDS)
    assert not reply.settled
    assert not known.deliver(HERE, after=PATIENCE_SECONDS + 0.1)
    assert reply.settled
    assert known.lost == [Method.PREDICT]
    assert not known.deliver(HERE, NOWHERE, after=PATIENCE_SECONDS + 1)
    assert known.lost == [Method.PREDICT]


def test_replies_that_wait_are_sent_in_the_order_they_came(known: Way) -> None:
    for number in range(10):
        known.send(NOWHERE, says=number)
    assert known.deliver(HERE)
    known.producer.topics[NOWHERE] = {0}
    assert not known.deliver(HERE, NOWHERE)
    assert [sent.value for sent in known.producer.sent] == [b'{"says":%d}' % n for n in range(10)]


def test_a_topic_that_is_there_and_not_to_be_used_is_waited_for_too(known: Way) -> None:
    known.send(NOWHERE)
    assert known.deliver(HERE, NOWHERE)
    assert known.producer.asked[-1] == NOWHERE
    assert not known.deliver(HERE, NOWHERE, after=PATIENCE_SECONDS + 1)
    assert known.lost == [Method.PREDICT]


def test_a_partition_that_is_not_there_is_no_address(known: Way) -> None:
    reply = known.send(partition=2)
    assert reply.settled
    assert known.lost == [Method.PREDICT]
    assert known.producer.sent == []


def test_a_reply_that_is_not_taken_is_told_so(known: Way) -> None:
    reply = known.send(says="x" * 1001)
    assert reply.settled
    assert known.lost == [Method.PREDICT]


def test_so_many_bytes_may_wait_and_no_more(known: Way) -> None:
    large = 2000 + OVERHEAD_BYTES
    replies = [known.send(NOWHERE, says="x" * 1000) for _ in range(BUFFER_BYTES // large)]
    given_up = [reply for reply in replies if reply.settled]
    waiting = [reply for reply in replies if not reply.settled]
    assert len(waiting) == pytest.approx(BUFFER_BYTES / 2 / large, rel=0.05)
    assert known.lost == [Method.PREDICT] * len(given_up)
    assert sum(reply.size for reply in waiting) <= BUFFER_BYTES / 2
    known.send()  # nobody else is held up
    assert [sent.topic for sent in known.producer.sent] == [HERE]


def test_there_is_room_again_when_those_that_waited_are_gone(known: Way) -> None:
    for _ in range(2):
        while not known.send(NOWHERE).settled:
            pass
        assert not known.deliver(HERE, after=PATIENCE_SECONDS + 1)
    assert len(known.lost) == 2 * (1 + BUFFER_BYTES // 2 // known.send(NOWHERE).size)


def test_so_many_bytes_may_be_on_their_way_and_no_more(known: Way) -> None:
    while not (last := known.send()).settled:
        pass
    assert len(known.producer.sent) == BUFFER_BYTES // 2 // last.size
    assert known.lost == [Method.PREDICT]
    known.producer.sent[0].future.acknowledge()
    assert not known.send().settled


def test_what_waited_goes_on_when_there_is_room_on_the_way(known: Way) -> None:
    known.producer.topics[NOWHERE] = {0}
    late = known.send(NOWHERE)
    while not known.send().settled:
        pass
    due = len(known.producer.sent)
    assert known.deliver(HERE, NOWHERE)
    assert len(known.producer.sent) == due
    known.producer.sent[0].future.acknowledge()
    assert not known.deliver(HERE, NOWHERE)
    assert known.producer.sent[-1].topic == NOWHERE
    assert not late.settled


def test_a_reply_that_is_sent_or_settled_holds_no_message(known: Way) -> None:
    sent = known.send()
    known.direct.open = True
    taken = known.send()
    assert sent.message is None
    assert taken.message is not None
    known.direct.arrivals[0](delivered=True)
    assert taken.message is None


def test_a_topic_that_the_producer_does_not_know_any_more_is_waited_for(known: Way) -> None:
    del known.producer.topics[HERE]  # as of one that was deleted
    reply = known.send(says="late")
    assert not reply.settled
    assert known.looks == 1
    assert known.replies.topics() == {HERE}
    known.producer.topics[HERE] = {0}
    assert not known.deliver(HERE)
    assert [sent.value for sent in known.producer.sent] == [b'{"says":"late"}']


def test_each_request_counts_once_and_only_when_it_is_settled(known: Way) -> None:
    known.send()
    assert known.counted == []
    known.producer.sent[0].future.acknowledge()
    known.send()
    known.producer.sent[1].future.fail(KafkaTimeoutError("gone"))
    known.send(NOWHERE, fallback=HOME)
    known.deliver(HERE, after=PATIENCE_SECONDS + 1)
    known.producer.sent[2].future.acknowledge()  # that it was given up
    outcomes = [RequestOutcome.ANSWERED, RequestOutcome.REFUSED, RequestOutcome.REFUSED]
    assert known.counted == [(Method.PREDICT, outcome) for outcome in outcomes]


HOME = Address(HERE, PLAIN, b"7")


@pytest.mark.parametrize(
    ("lost", "reason"),
    [
        ({"topic": NOWHERE}, "the reply topic does not exist, or we may not write to it"),
        ({"partition": 7}, "the reply topic has no such partition"),
        ({"says": "x" * 1001}, "not sent: MessageSizeTooLargeError"),
    ],
)
def test_who_cannot_be_reached_is_told_where_it_can_be(
    known: Way, lost: dict[str, Any], reason: str
) -> None:
    reply = known.send(**lost, fallback=HOME)
    assert not known.deliver(HERE, after=PATIENCE_SECONDS + 1)
    (sent,) = known.producer.sent
    assert not reply.settled  # a crash now would leave the requester without an answer
    sent.future.acknowledge()
    assert reply.settled
    assert (sent.topic, sent.headers, sent.partition) == (HERE, HOME.write(None, b"").headers, None)
    told = orjson.loads(sent.value or b"")
    assert told["error"] == {"code": "bad-reply-address", "message": reason}
    assert told["application"] == "riverline"
    assert known.lost == [Method.PREDICT]


def test_who_can_be_reached_nowhere_is_given_up_in_the_end(known: Way) -> None:
    known.send(NOWHERE, fallback=Address("elsewhere", PLAIN, None))
    known.deliver(HERE, after=PATIENCE_SECONDS + 1)
    assert not known.deliver(HERE, after=PATIENCE_SECONDS + 2)
    assert known.producer.sent == []
    assert known.lost == [Method.PREDICT]


def test_who_cannot_be_told_elsewhere_either_is_settled_too(known: Way) -> None:
    reply = known.send(NOWHERE, fallback=replace(HOME, partition=2))
    assert not known.deliver(HERE, after=PATIENCE_SECONDS + 0.1)
    assert reply.settled
    assert known.lost == [Method.PREDICT]


def test_while_kafka_does_not_answer_no_topic_is_missing(way: Way) -> None:
    reply = way.send()
    assert way.replies.deliver_waiting(None, NOW + 2 * PATIENCE_SECONDS)
    del way.producer.topics[HERE]  # back, but the producer has not heard of it yet
    assert way.deliver(HERE, after=2 * PATIENCE_SECONDS + 1)
    assert (reply.settled, way.lost) == (False, [])
    way.producer.topics[HERE] = {0}
    assert not way.deliver(HERE, after=2 * PATIENCE_SECONDS + 2)
    assert [sent.topic for sent in way.producer.sent] == [HERE]


def test_a_reply_that_is_denied_waits_until_it_is_allowed(known: Way) -> None:
    reply = known.send()
    known.producer.sent.pop().future.fail(TopicAuthorizationFailedError(HERE))
    for seconds in (1, 10 * PATIENCE_SECONDS):
        known.replies.deliver_waiting({}, NOW + seconds, denied=[HERE])
    assert not reply.settled
    known.deliver(HERE, after=10 * PATIENCE_SECONDS + 1)
    known.producer.sent.pop().future.acknowledge()
    assert reply.settled
    assert known.lost == []


def test_a_reply_that_is_denied_at_a_topic_of_the_requesters_is_told_elsewhere(known: Way) -> None:
    known.send(NOWHERE, fallback=HOME)
    known.producer.topics[NOWHERE] = {0}
    known.deliver(HERE, NOWHERE)
    known.producer.sent.pop().future.fail(TopicAuthorizationFailedError(NOWHERE))
    known.deliver(HERE, after=PATIENCE_SECONDS + 1)
    assert known.producer.sent.pop().topic == HERE
