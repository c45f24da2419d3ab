"""Poll, guarded: a batch that kafka-python cannot read is stepped over, once and for good.

An exception while a batch is read (checksum, codec) is raised once; after that the bare client's
``poll`` spins on the same place and returns nothing, silently. (One bad record in a good batch
never gets here: see ``unpack``.)

And a join that one poll begins is ended by a later one: the bare client may forget it between them.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kafka import TopicPartition
from kafka.errors import (
    CorruptRecordError,
    KafkaError,
    NoOffsetForPartitionError,
    RetriableError,
)

from consumer.client import Consumer, finish_joining
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


def poll(consumer: Consumer, timeout_ms: int) -> Batches | Pill:
    """Records by partition, or one record that cannot be unpacked, already stepped over.

    Raises:
        KafkaError: Something about Kafka is wrong, not about a record, and does not pass by itself.
    """
    try:
        return consumer.poll(timeout_ms=timeout_ms)
    except NoOffsetForPartitionError:
        return {}  # newly assigned; its position is set in the loop
    except RetriableError:
        time.sleep(timeout_ms / 1000)  # the broker is away: the watch tells of it
        return {}
    except CorruptRecordError as error:
        return _step_over(consumer, error)
    except KafkaError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a hostile record makes the client raise
        return _step_over(consumer, error)
    finally:
        finish_joining(consumer)


def _step_over(consumer: Consumer, error: Exception) -> Pill:
    """Seek behind the record that made ``poll`` raise.

    The client does not say which one it was. It holds the batch that it was unpacking, whose next
    offset is the record's own; without such a batch the error was not about a record.
    """
    held: Any = getattr(consumer, "_fetcher")._next_partition_records  # noqa: B009, SLF001
    if held is None:
        raise error
    at, offset = held.topic_partition, held.next_fetch_offset
    consumer.seek(at, offset + 1)
    detail = f"the record cannot be unpacked: {type(error).__name__}: {error}"
    return Pill(at, Lost(offset), Rejected(Reason.UNREADABLE, detail[:500]))
