"""The last resort, where kafka-python raises: most bad records come through ``batches``."""

from typing import Any

from consumer.client.internals.batches import unreadable
from consumer.client.internals.serve import Batches
from consumer.client.protocols import Consumer


def step_over(consumer: Consumer, error: Exception) -> Batches:
    """Seek past the record that made ``poll`` raise; it is returned as an ``Unreadable`` value.

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
    return {at: [unreadable(offset, -1, b"", detail[:500])]}
