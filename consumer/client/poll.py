"""``poll``, guarded against three faults of kafka-python; ``serve``, the fast path between polls.

- An exception while a fetch is unpacked is raised once; after that ``poll`` returns nothing for
  ever, without an error. Here the record is stepped over. (A bad record, or a damaged batch, does
  not raise: see ``internals.batches``.)
- A join that one poll begins and the next should finish may be forgotten: see ``finish_joining``.
- Records kept back while their partition was paused may be: see ``take_up_what_was_paused``.
"""

import time
from collections.abc import Callable
from time import monotonic
from typing import Any

from kafka.errors import (
    CorruptRecordError,
    FencedInstanceIdError,
    KafkaError,
    NoOffsetForPartitionError,
    RetriableError,
)

from consumer.client.fast_path import ClientPath
from consumer.client.internals.group import finish_joining, joins_anew, take_up_what_was_paused
from consumer.client.internals.serve import Batches
from consumer.client.internals.skip import step_over
from consumer.client.protocols import Consumer

Take = Callable[[Batches], None]
Look = Callable[[], float]


def poll(consumer: Consumer, timeout_ms: int) -> Batches:
    """Records by partition; one that cannot be unpacked has an ``Unreadable`` value.

    Raises:
        KafkaError: Not about a record, and not one that passes: someone has to act.
    """
    take_up_what_was_paused(consumer)
    try:
        return consumer.poll(timeout_ms=timeout_ms)
    except Exception as error:  # noqa: BLE001 - whatever a hostile record makes the client raise
        return _mended(consumer, error, timeout_ms)
    finally:
        finish_joining(consumer)


def serve(path: ClientPath, consumer: Consumer, take: Take, timeout_ms: int, look: Look) -> bool:
    """Between two polls, take records in the consumer's I/O thread; on the fast path alone.

    Blocks until the time is up or a poll is needed. Polls still do everything else that a consumer
    has to do: joining, committing, skipping records.

    Args:
        path: Whether there is such a short cut.
        consumer: A member of a group, joined.
        take: Called in the I/O thread with what a poll would have returned; may not use the
            consumer.
        timeout_ms: How long.
        look: Called there too, between two waits for records; returns in how many seconds again.

    Returns:
        Whether the time was up. If not, the next poll should wait for records.

    Raises:
        KafkaError: As by a poll.
        Exception: What ``take`` or ``look`` raised.
    """
    deaths: list[BaseException] = []

    def noting(call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: object) -> object:
            try:
                return call(*arguments)
            except BaseException as death:
                deaths.append(death)
                raise

        return called

    until = monotonic() + timeout_ms / 1000
    try:
        return path.take(consumer, noting(take), until, noting(look))
    except Exception as error:
        if deaths:
            raise
        if mended := _mended(consumer, error, timeout_ms):
            take(mended)
        return False


def _mended(consumer: Consumer, error: Exception, timeout_ms: int) -> Batches:
    """What a poll that raised this error returns instead.

    Raises:
        Exception: The error, where it is fatal.
    """
    if isinstance(error, NoOffsetForPartitionError):
        return {}  # newly assigned: the loop seeks to its position
    if isinstance(error, RetriableError):
        time.sleep(timeout_ms / 1000)  # the broker is away, which the watch reports
        return {}
    if isinstance(error, FencedInstanceIdError) and joins_anew(consumer):
        return {}
    if isinstance(error, KafkaError) and not isinstance(error, CorruptRecordError):
        raise error
    return step_over(consumer, error)
