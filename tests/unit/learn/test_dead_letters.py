"""Dead letters wait within their bound until they are acknowledged, and hold nobody up."""

import time
from collections.abc import Callable

import pytest
from kafka.errors import KafkaTimeoutError

from consumer.decode.event import Rejected, parse_object
from consumer.learn.dead_letters import DeadLetters, write_letter
from consumer.learn.outbox import OVERHEAD_BYTES
from consumer.model.folding import RejectedRecord
from contract.messages import DEAD_LETTER_BYTES, Reason
from unit.batches import Crafted, craft, fetched
from unit.records import Record
from unit.respond.test_replies import MemoryFuture, MemoryProducer

TOPIC = "events.dead-letters"
BUFFER_BYTES = 1_000_000


def refused(count: int, value: bytes = b"no json") -> list[RejectedRecord]:
    why = Rejected(Reason.BAD_JSON, "not JSON")
    return [RejectedRecord(Record(offset, value), why) for offset in range(count)]


class Broker(MemoryProducer):
    """A producer that counts how often it was asked; its futures time out while they are open."""

    def __init__(self) -> None:
        super().__init__({TOPIC: {0}}, limit=DEAD_LETTER_BYTES)
        self.tries = self.failures = 0
        self.gone: Exception | None = None

    def send(self, *args: object, **kwargs: object) -> MemoryFuture:
        self.tries += 1
        if self.gone is not None:
            raise self.gone
        return Open(super().send(*args, **kwargs))  # type: ignore[arg-type]

    def note_failure(self) -> None:
        self.failures += 1


class Open(MemoryFuture):
    """As kafka-python's: ``get`` waits, raises at the time-out, and what the send failed of."""

    def __init__(self, made: MemoryFuture) -> None:
        super().__init__()
        self.error: BaseException | None = None
        made.add_callback(lambda _: self.acknowledge())
        made.add_errback(self._failed)

    def _failed(self, error: BaseException) -> None:
        self.error = error
        self.fail(error)

    def get(self, timeout: float | None = None) -> None:
        if not self.is_done:
            time.sleep(timeout or 0.0)
            raise KafkaTimeoutError
        if self.error is not None:
            raise self.error


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def letters(broker: Broker) -> DeadLetters:
    return DeadLetters(broker, TOPIC, BUFFER_BYTES, "riverline", broker.note_failure)


def seconds(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def test_letters_are_settled_when_all_are_acknowledged(
    broker: Broker, letters: DeadLetters
) -> None:
    letters.send("events", 0, refused(3))
    for sent in broker.sent[:2]:
        sent.future.acknowledge()
    assert not letters.settle(0.01)
    broker.sent[2].future.acknowledge()
    assert letters.settle(0.01)
    assert len(broker.sent) == 3


def test_bytes_are_what_makes_it_full(broker: Broker, letters: DeadLetters) -> None:
    letters.send("events", 0, refused(100))
    assert not letters.full
    letters.send("events", 0, refused(8, b"x" * DEAD_LETTER_BYTES))
    assert letters.full
    for sent in broker.sent:
        sent.future.acknowledge()
    assert letters.settle(0)
    assert not letters.full


def test_where_the_topic_is_gone_one_letter_is_tried_and_the_others_wait(
    broker: Broker, letters: DeadLetters
) -> None:
    broker.topics.clear()
    letters.send("events", 0, refused(1000))
    assert broker.tries == 1
    assert not letters.settle(5)
    assert broker.tries == 2
    broker.topics[TOPIC] = {0}
    assert not letters.settle(5)  # all are on their way now
    for sent in broker.sent:
        sent.future.acknowledge()
    assert letters.settle(5)
    assert [sent.key for sent in broker.sent] == [b"events-0-%d" % n for n in range(1000)]


def test_what_has_failed_is_sent_again(broker: Broker, letters: DeadLetters) -> None:
    letters.send("events", 0, refused(2))
    broker.sent[0].future.acknowledge()
    broker.sent[1].future.fail(KafkaTimeoutError("not within 120 s"))
    assert not letters.settle(0.01)
    assert [sent.key for sent in broker.sent] == [b"events-0-0", b"events-0-1", b"events-0-1"]
    assert broker.failures == 1


def test_what_was_waited_for_in_vain_is_not_waited_for_again(
    broker: Broker, letters: DeadLetters
) -> None:
    letters.send("events", 0, refused(1))
    assert seconds(lambda: letters.settle(0.3)) >= 0.3
    assert seconds(lambda: letters.settle(60)) < 10
    broker.sent[0].future.acknowledge()
    assert letters.settle(60)
    letters.send("events", 0, refused(1))
    assert seconds(lambda: letters.settle(0.3)) >= 0.3


def test_the_letter_of_a_record_whose_header_is_a_megabyte_of_no_text_is_taken() -> None:
    """One that no producer takes would be tried for ever, and nothing would be saved any more."""
    record = fetched(craft([Crafted(0, headers=[(b"\xff" * 900_000, b"")])]))[0][0]
    why = parse_object(record.value)
    assert isinstance(why, Rejected)
    assert "'utf-8' codec can't decode byte 0xff" in why.detail
    letter = write_letter("riverline", "events", 0, RejectedRecord(record, why))
    parts = [letter.key or b"", letter.value or b"", *(content for _, content in letter.headers)]
    assert sum(map(len, parts)) < 2 * DEAD_LETTER_BYTES + OVERHEAD_BYTES


def test_a_topic_that_goes_between_two_looks_of_the_producer_is_waited_for(
    broker: Broker, letters: DeadLetters
) -> None:
    """kafka-python looks for the topic, and then for its partitions."""
    broker.gone = ValueError(f"Partitioner did not assign a partition for topic {TOPIC}!")
    letters.send("events", 0, refused(1))
    assert not letters.settle(0)
    broker.gone = None
    assert not letters.settle(0)
    broker.sent[0].future.acknowledge()
    assert letters.settle(0)
