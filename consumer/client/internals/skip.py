"""Skipped records: seeks past a record that kafka-python cannot unpack."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kafka import TopicPartition

from consumer.client.protocols import Consumer
from consumer.decode import Rejected
from contract.messages import Reason


@dataclass(frozen=True, slots=True)
class Lost:
    """A record of which only the offset is known."""

    offset: int
    timestamp: int = -1
    key: bytes | None = None
    value: bytes | None = None
    headers: Sequence[tuple[str, bytes | None]] = ()


@dataclass(frozen=True, slots=True)
class SkippedRecord:
    """Where an unreadable record is, and the client's error."""

    at: TopicPartition
    record: Lost
    why: Rejected


def step_over(consumer: Consumer, error: Exception) -> SkippedRecord:
    """Seek past the record that made ``poll`` raise.

    The error does not say which record it was. The client still holds the fetch that it was
    unpacking, and that fetch's next offset is the record's. Where it holds none, or one that it has
    read to the end, the error was not about a record.

    Raises:
        Exception: The error, where it was not about a record.
    """
    held: Any = getattr(consumer, "_fetcher")._next_partition_records
    if not held:
        raise error
    at, offset = held.topic_partition, held.next_fetch_offset
    consumer.seek(at, offset + 1)
    detail = f"the record cannot be unpacked: {type(error).__name__}: {error}"
    return SkippedRecord(at, Lost(offset), Rejected(Reason.UNREADABLE, detail[:500]))
