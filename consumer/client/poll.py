"""Poll, guarded: a batch that kafka-python cannot read is stepped over, once and for good.

An exception while a fetch is read is raised once; after that the bare client's ``poll`` spins on
the same place and returns nothing, silently. (A bad record, and a batch whose ends are known,
never get here: see ``unpack``.)

And a join that one poll begins is ended by a later one: the bare client may forget it between them.
"""

import time
from collections.abc import Callable
from time import monotonic

from kafka.errors import (
    CorruptRecordError,
    FencedInstanceIdError,
    KafkaError,
    NoOffsetForPartitionError,
    RetriableError,
)

from consumer.client.internals.group import finish_joining, joins_anew, take_up_what_was_paused
from consumer.client.internals.serve import Batches, take_where_they_arrive
from consumer.client.internals.skip import SkippedRecord, step_over
from consumer.client.protocols import Consumer

Take = Callable[[Batches | SkippedRecord], None]


def poll(consumer: Consumer, timeout_ms: int) -> Batches | SkippedRecord:
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
    deaths: list[BaseException] = []

    def taken(records: Batches) -> None:
        try:
            take(records)
        except BaseException as death:
            deaths.append(death)
            raise

    until = monotonic() + timeout_ms / 1000
    try:
        return take_where_they_arrive(consumer, taken, until)
    except Exception as error:
        if deaths:
            raise
        if mended := _mended(consumer, error, timeout_ms):
            take(mended)
        return False


def _mended(consumer: Consumer, error: Exception, timeout_ms: int) -> Batches | SkippedRecord:
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
    return step_over(consumer, error)
