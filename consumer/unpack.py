"""Kafka's record batches into records: tolerantly, and with no more work than is needed.

kafka-python gives up a whole batch at one record whose header key is not UTF-8 or whose lengths
lie: the records after it in the same batch could then never be read. Here such a record comes out
with its own bytes as an ``Unreadable`` value, and the next one after it. And of all that the client
makes of a record only what the fold reads is made: catching up is half as costly.

Format: https://kafka.apache.org/documentation/#recordbatch (magic 2; no other since Kafka 0.11).
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from kafka.consumer.fetcher import Fetcher, IsolationLevel
from kafka.errors import CorruptRecordError
from kafka.record.default_records import DefaultRecordBatch
from kafka.record.util import decode_varint

from consumer.decode import Unreadable

Headers = Sequence[tuple[str, bytes | None]]
NO_HEADERS: Headers = ()


class Unpacked(NamedTuple):
    """What is read of a record."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class Unpacker(Fetcher.PartitionRecords):  # type: ignore[misc]  # kafka-python has no types
    """The records of one fetch of one partition, in the place of the client's own."""

    def _unpack_records(self, _at: object, batches: Any, *_: object) -> Iterator[Unpacked]:  # noqa: ANN401
        """Called by the client; yields as it reads on.

        Raises:
            CorruptRecordError: A batch is damaged.
        """
        while (batch := batches.next_batch()) is not None:
            if batch.magic != 2:  # noqa: PLR2004 - as the format's documentation calls it
                raise CorruptRecordError(f"a batch of record format {batch.magic}, not 2")
            if not batch.validate_crc():
                raise CorruptRecordError(f"the checksum of the batch at {batch.base_offset}")
            self.leader_epoch: int = batch.leader_epoch
            if not self._is_passed_over(batch):
                for record in unpack(batch):
                    self.next_fetch_offset: int = record.offset + 1
                    yield record
            self.bytes_read += batch.size_in_bytes
            self.next_fetch_offset = batch.next_offset  # compaction may have taken the last records
        self.drain()

    def _is_passed_over(self, batch: DefaultRecordBatch) -> bool:
        """A transaction's marker is no record, and what it aborted was never said."""
        aborted = False
        if self.isolation_level == IsolationLevel.READ_COMMITTED and batch.has_producer_id():
            self._consume_aborted_transactions_up_to(batch.last_offset)
            if self._contains_abort_marker(batch):
                self.aborted_producer_ids.discard(batch.producer_id)
            aborted = self._is_batch_aborted(batch)
        return bool(aborted or batch.is_control_batch)


def unpack(batch: DefaultRecordBatch) -> Iterator[Unpacked]:
    """The records of a batch whose checksum holds.

    Raises:
        CorruptRecordError: From here on, not even lengths tell one record from the next.
    """
    batch._maybe_uncompress()  # noqa: SLF001 - the client's own reading begins so
    data, pos = bytes(batch._buffer), batch._pos  # noqa: SLF001
    base, first = batch.base_offset, batch.first_timestamp
    appended = batch.max_timestamp if batch.timestamp_type == batch.LOG_APPEND_TIME else None
    for _ in range(batch.records_count):
        start = pos
        try:
            length, pos = varint(data, pos)
            end = pos + length
            delta, pos = varint(data, pos + 1)  # after the attributes, which say nothing yet
            offset, pos = varint(data, pos)
            key, pos = nullable_bytes(data, pos)
            value, pos = nullable_bytes(data, pos)
            headers, pos = read_headers(data, pos)
            if pos != end:
                raise ValueError(f"{length} bytes announced, {pos - end + length} there")  # noqa: TRY301
        except (ValueError, IndexError) as error:
            record, pos = _unreadable(data, start, base, first, error)
            yield record
        else:
            at = first + delta if appended is None else appended
            yield Unpacked(base + offset, at, key, value, headers)
    if pos != len(data):
        raise CorruptRecordError(f"{len(data) - pos} bytes after the last record of a batch")


def varint(data: bytes, pos: int) -> tuple[int, int]:
    """A number and the position after it. Most are positive and have one byte or two.

    Raises:
        ValueError: It is too long.
        IndexError: It does not end.
    """
    low = data[pos]
    if not low & 0x81:
        return low >> 1, pos + 1
    high = data[pos + 1] if low > 1 else 0
    if low & 1 or high > 0x7F:  # noqa: PLR2004 - negative, or longer
        number: tuple[int, int] = decode_varint(data, pos)
        return number
    return (low & 0x7E) >> 1 | high << 6, pos + 2


def nullable_bytes(data: bytes, pos: int) -> tuple[bytes | None, int]:
    """A key or a value, and the position after it.

    Raises:
        ValueError: The length is no number.
        IndexError: The length does not end.
    """
    length, pos = varint(data, pos)
    if length < 0:
        return None, pos
    return data[pos : pos + length], pos + length


def read_headers(data: bytes, pos: int) -> tuple[Headers, int]:
    """A record's headers, and the position after them.

    Raises:
        ValueError: A key is not UTF-8, or a length is no number.
        IndexError: A length does not end.
    """
    count, pos = varint(data, pos)
    if not count:
        return NO_HEADERS, pos
    if count < 0:
        raise ValueError(f"{count} headers")
    headers = []
    for _ in range(count):
        key, pos = nullable_bytes(data, pos)
        if key is None:
            raise ValueError("a header without a key")
        value, pos = nullable_bytes(data, pos)
        headers.append((key.decode(), value))
    return headers, pos


def _unreadable(
    data: bytes, pos: int, base: int, first: int, why: Exception
) -> tuple[Unpacked, int]:
    """The record at this position as bytes, and the position after it.

    Raises:
        CorruptRecordError: Not even its length holds.
    """
    try:
        length, start = varint(data, pos)
        _delta, after = varint(data, start + 1)
        offset, after = varint(data, after)
    except (ValueError, IndexError) as error:
        raise CorruptRecordError(f"a record without a length: {error!r}") from error
    end = start + length
    if not after <= end <= len(data):
        raise CorruptRecordError(f"a record whose length lies: {why!r}") from why
    value = Unreadable(data[start:end], repr(why))
    return Unpacked(base + offset, first, None, value, NO_HEADERS), end
