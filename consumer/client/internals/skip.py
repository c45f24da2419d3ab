"""A record that the client cannot unpack is stepped over: where it lies, and the seek behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kafka import TopicPartition

from consumer.client.protocols import Consumer
from consumer.decode import Rejected
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
class SkippedRecord:
    """Where an unreadable record lies, and what the client said of it."""

    at: TopicPartition
    record: Lost
    why: Rejected


def step_over(consumer: Consumer, error: Exception) -> SkippedRecord:
    """Seek behind the record that made ``poll`` raise.

    The client does not say which one it was. It holds the fetch that it was unpacking, whose next
    offset is the record's own, and never before the position; one that it has read to the end was
    not it, and without one the error was not about a record.
    """
    held: Any = getattr(consumer, "_fetcher")._next_partition_records
    if not held:
        raise error
    at, offset = held.topic_partition, held.next_fetch_offset
    consumer.seek(at, offset + 1)
    detail = f"the record cannot be unpacked: {type(error).__name__}: {error}"
    return SkippedRecord(at, Lost(offset), Rejected(Reason.UNREADABLE, detail[:500]))
