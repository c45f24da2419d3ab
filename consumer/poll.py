"""Poll, guarded: a batch that kafka-python cannot read is stepped over, once and for good.

An exception while a fetch is read is raised once; after that the bare client's ``poll`` spins on
the same place and returns nothing, silently. (A bad record, and a batch whose ends are known,
never get here: see ``unpack``.)

And a join that one poll begins is ended by a later one: the bare client may forget it between them.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

from kafka import TopicPartition
from kafka.errors import (
    CorruptRecordError,
    FencedInstanceIdError,
    KafkaError,
    NoOffsetForPartitionError,
    RetriableError,
)
from kafka.future import Future as KafkaFuture

from consumer.client import (
    Consumer,
    finish_joining,
    joins_anew,
    take_up_what_was_paused,
)
from consumer.decode import Rejected
from consumer.partition import Record
from contract.messages import Reason


@dataclass(frozen=True, slots=True)
class Lost:
    """A record of which only its place is known."""

    offset: int
    timestamp: int = -1
    key: bytes | None = None
    value: bytes | None = None
    headers: Sequence[tuple[str, bytes | None]] = ()


@dataclass(frozen=True, slots=True)
class Pill:
    """Where an unreadable record lies, and what the client said of it."""

    at: TopicPartition
    record: Lost
    why: Rejected


Batches = dict[TopicPartition, list[Record]]
Take = Callable[[Batches | Pill], None]


def poll(consumer: Consumer, timeout_ms: int) -> Batches | Pill:
    """Records by partition, or one record that cannot be unpacked, already stepped over.

    Raises:
        KafkaError: Something about Kafka is wrong, not about a record, and does not pass by itself.
    """
    take_up_what_was_paused(consumer)
    try:
        return consumer.poll(timeout_ms=timeout_ms)
    except Exception as error:  # noqa: BLE001 - whatever a hostile record makes the client raise
        return _mended(consumer, error, timeout_ms)
    finally:
        finish_joining(consumer)


def serve(consumer: Consumer, take: Take, timeout_ms: int) -> bool:
    """Have records taken in the client's I/O thread, where they arrive, without a change of thread.

    For so long, or until the group wants a poll. To be called between two polls, while the group is
    at rest; the polls do all the rest that a consumer does.

    Args:
        consumer: That of a group that has joined.
        take: Takes what a poll would have returned; may not use the consumer.
        timeout_ms: After this long it ends.

    Returns:
        Whether all is at rest. If not, the next poll should take its time.

    Raises:
        KafkaError: As by a poll.
        Exception: What ``take`` raised.
    """
    inside: Any = consumer
    deaths: list[BaseException] = []

    def taken(records: Batches) -> None:
        try:
            take(records)
        except BaseException as death:
            deaths.append(death)
            raise

    until = monotonic() + timeout_ms / 1000
    try:
        return bool(inside._net.run(_turns, inside, taken, until))  # noqa: SLF001
    except Exception as error:
        if deaths:
            raise
        if mended := _mended(consumer, error, timeout_ms):
            take(mended)
        return False


async def _turns(consumer: Any, take: Callable[[Batches], None], until: float) -> bool:  # noqa: ANN401
    """In the I/O thread: ask for records, take them when they come, ask again."""
    fetcher, net = consumer._fetcher, consumer._net  # noqa: SLF001
    while (left := until - monotonic()) > 0:
        if consumer._coordinator.need_rejoin():  # noqa: SLF001
            return False
        if _took(fetcher, take):
            await net.sleep(0)  # the thread has other tasks too, the group's heartbeat is one
            continue
        await fetcher._send_fetches_async()  # noqa: SLF001
        if not (fetches := list(fetcher._fetch_futures)):  # noqa: SLF001
            return False
        turn = _Turn(fetcher, take)
        for fetch in fetches:
            fetch.add_both(turn.came)
        timer = net.call_later(left, turn.end)
        try:
            await turn.ended
        finally:
            net.cancel(timer)
    return True


def _took(fetcher: Any, take: Callable[[Batches], None]) -> bool:  # noqa: ANN401
    """Take at most `max_poll_records` of what has come; whether there was anything."""
    records, _ = fetcher.fetched_records()
    if records:
        take(records)
    return bool(records)


class _Turn:
    """One wait for records. It ends once, and takes nothing after that."""

    def __init__(self, fetcher: Any, take: Callable[[Batches], None]) -> None:  # noqa: ANN401
        self._fetcher = fetcher
        self._take = take
        self.ended = KafkaFuture()

    def came(self, _response: object) -> None:
        """Take the first at once: another task of the I/O thread's loop would be later."""
        if self.ended.is_done:
            return
        try:
            _took(self._fetcher, self._take)
        except BaseException as error:  # noqa: BLE001 - raised where the turn is waited for
            self.ended.failure(error)
        else:
            self.ended.success(None)

    def end(self) -> None:
        """It has taken long enough."""
        if not self.ended.is_done:
            self.ended.success(None)


def _mended(consumer: Consumer, error: Exception, timeout_ms: int) -> Batches | Pill:
    """What to go on with after this error.

    Raises:
        Exception: The error, where there is nothing to go on with.
    """
    if isinstance(error, NoOffsetForPartitionError):
        return {}  # newly assigned; its position is set in the loop
    if isinstance(error, RetriableError):
        time.sleep(timeout_ms / 1000)  # the broker is away: the watch tells of it
        return {}
    if isinstance(error, FencedInstanceIdError) and joins_anew(consumer):
        return {}
    if isinstance(error, KafkaError) and not isinstance(error, CorruptRecordError):
        raise error
    return _step_over(consumer, error)


def _step_over(consumer: Consumer, error: Exception) -> Pill:
    """Seek behind the record that made ``poll`` raise.

    The client does not say which one it was. It holds the fetch that it was unpacking, whose next
    offset is the record's own, and never before the position; one that it has read to the end was
    not it, and without one the error was not about a record.
    """
    held: Any = getattr(consumer, "_fetcher")._next_partition_records  # noqa: B009, SLF001
    if not held:
        raise error
    at, offset = held.topic_partition, held.next_fetch_offset
    consumer.seek(at, offset + 1)
    detail = f"the record cannot be unpacked: {type(error).__name__}: {error}"
    return Pill(at, Lost(offset), Rejected(Reason.UNREADABLE, detail[:500]))
