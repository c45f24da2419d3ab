"""Kafka's record batches into records: tolerantly, and with no more work than is needed.

kafka-python gives up a whole batch at one record whose header key is not UTF-8 or whose lengths
lie: the records after it in the same batch could then never be read. Here such a record comes out
with its own bytes as an ``Unreadable`` value, and the next one after it. And of all that the client
makes of a record only what the fold reads is made: catching up is half as costly.

Format: https://kafka.apache.org/documentation/#recordbatch (magic 2; no other since Kafka 0.11).
"""

import struct
from collections.abc import Iterator
from itertools import dropwhile
from typing import Any, NamedTuple

from kafka.consumer.fetcher import Fetcher, IsolationLevel
from kafka.errors import CorruptRecordError, UnsupportedCodecError
from kafka.record.default_records import DefaultRecordBatch

from consumer.client.internals.compression import MAX_BYTES, uncompress
from consumer.client.internals.varint import (
    NO_HEADERS,
    Headers,
    nullable_bytes,
    read_headers,
    varint,
)
from consumer.decode import Unreadable

MAGIC = 2
SHORTEST = 6  # bytes after the length of a record with a byte for each field
NO_TIMESTAMP = -1
EARLIEST, LATEST = -(2**63), 2**63 - 1  # of a timestamp, in milliseconds


class Unpacked(NamedTuple):
    """What is read of a record."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class Unpacker(Fetcher.PartitionRecords):  # type: ignore[misc]  # kafka-python has no types
    """The records of one fetch of one partition, in the place of the client's own."""

    next_fetch_offset: int
    leader_epoch: int

    def _unpack_records(self, _at: object, batches: Any, *_: object) -> Iterator[Unpacked]:  # noqa: ANN401
        """Called by the client; yields as it reads on, at no offset before that which is due."""
        batch, unpacked = batches.next_batch(), 0
        while batch is not None and unpacked <= MAX_BYTES:  # the rest comes with the next fetch
            self.bytes_read += batch.size_in_bytes
            try:
                records = self._open(batch)
            except CorruptRecordError as error:
                following = _next_whole(batches, batch)
                end = self._end(batch, following)
                if end > self.next_fetch_offset:
                    yield from self._lost(batch, end, error)
                    break  # what was aborted from here on, Kafka tells with the next fetch
                batch = following  # the damage lies behind us
                continue
            for record in records:
                self.next_fetch_offset = record.offset + 1
                yield record
            unpacked += len(batch._buffer)
            # Compaction may have taken the last records.
            self.next_fetch_offset = max(self.next_fetch_offset, batch.next_offset)
            batch = batches.next_batch()
        self.drain()

    def _open(self, batch: DefaultRecordBatch) -> Iterator[Unpacked]:
        """The records of the batch that are still to be read.

        Raises:
            CorruptRecordError: The batch is damaged.
        """
        if batch.magic != MAGIC:
            raise CorruptRecordError(f"record format {batch.magic}, not {MAGIC}")
        if not batch.validate_crc():
            raise CorruptRecordError("its checksum is wrong")
        self.leader_epoch = batch.leader_epoch
        if self._is_passed_over(batch):
            return iter(())
        records, due = unpack(batch), self.next_fetch_offset
        if batch.base_offset >= due:
            return records
        return dropwhile(lambda record: record.offset < due, records)

    def _is_passed_over(self, batch: DefaultRecordBatch) -> bool:
        """A transaction's marker is no record, and what it aborted was never said."""
        aborted = False
        if self.isolation_level == IsolationLevel.READ_COMMITTED and batch.has_producer_id():
            self._consume_aborted_transactions_up_to(batch.last_offset)
            if batch.is_control_batch and _aborts(batch):
                self.aborted_producer_ids.discard(batch.producer_id)
            aborted = self._is_batch_aborted(batch)
        return bool(aborted or batch.is_control_batch)

    def _lost(self, batch: Any, end: int, why: Exception) -> Iterator[Unpacked]:  # noqa: ANN401
        """One record for a batch that was written so; one an offset for a batch that broke later.

        Of the latter some may have been read already. Either way a restart changes nothing.
        """
        offsets = range(self.next_fetch_offset, end)
        if _is_whole(batch):
            offsets = range(max(self.next_fetch_offset, batch.base_offset), batch.base_offset + 1)
        raw, detail = bytes(batch._buffer), f"the batch cannot be unpacked: {why}"
        for offset in offsets:
            self.next_fetch_offset = offset + 1
            yield _unreadable(offset, NO_TIMESTAMP, raw, detail)
        self.next_fetch_offset = end

    def _end(self, damaged: Any, following: DefaultRecordBatch | None) -> int:  # noqa: ANN401
        """The offset to go on from: never beyond the first of the next batch.

        A batch whose checksum is wrong is not believed by itself. Where none follows it in the
        fetch, the next fetch begins one offset further on, and brings it again or the next one.
        """
        ends: list[int] = []
        if following is not None:
            ends.append(following.base_offset)
        believed = _is_whole(damaged) or (following is not None and damaged.magic == MAGIC)
        if believed and damaged.last_offset_delta >= 0:
            ends.append(damaged.next_offset)
        return min(ends, default=self.next_fetch_offset + 1)


def _aborts(marker: DefaultRecordBatch) -> bool:
    """Whether the marker of a transaction's end says so; compaction may have emptied it."""
    record = next(unpack(marker), None)
    return bool(record and record.key and record.key[2:4] == b"\0\0")  # the version is before it


def _is_whole(batch: Any) -> bool:  # noqa: ANN401
    return bool(batch.magic == MAGIC and batch.validate_crc())


def _next_whole(batches: Any, damaged: Any) -> DefaultRecordBatch | None:  # noqa: ANN401
    """The batch after a damaged one, where the fetch has it and it is whole."""
    try:
        batch = batches.next_batch()
        found = batch is not None and _is_whole(batch) and batch.base_offset > damaged.base_offset
    except (CorruptRecordError, struct.error):
        return None
    return batch if found else None


def unpack(batch: DefaultRecordBatch) -> Iterator[Unpacked]:
    """The records of a batch whose checksum holds, at rising offsets within the batch.

    Nothing that stands inside a record is believed beyond the record: a checksum shows damage on
    the way, and not what the sender meant. So each record of the count comes out, if need be as
    ``Unreadable``; and where nothing tells the next one from its bytes, the rest comes as one.

    Raises:
        CorruptRecordError: The header contradicts itself, or the compression's codec fails.
    """
    count, last = batch.records_count, batch.last_offset_delta
    if not 0 <= count <= last + 1:
        raise CorruptRecordError(f"{count} records and a last offset delta of {last}")
    try:
        uncompress(batch)
    except UnsupportedCodecError:
        if batch.compression_type <= batch.CODEC_ZSTD:
            raise  # a library is not there: no fault of the batch
        raise CorruptRecordError(f"compression {batch.compression_type}") from None
    except Exception as error:  # each codec has its own
        raise CorruptRecordError(f"it cannot be uncompressed: {error!r}") from error
    return _records(batch, bytes(batch._buffer), batch._pos)


def _records(batch: DefaultRecordBatch, data: bytes, pos: int) -> Iterator[Unpacked]:
    base, first, last = batch.base_offset, batch.first_timestamp, batch.last_offset_delta
    appended = batch.max_timestamp if batch.timestamp_type == batch.LOG_APPEND_TIME else None
    count, size = batch.records_count, len(data)
    due = 0  # the least offset delta that may come next
    for highest in range(last - count + 1, last + 1):  # leaves room for those that come after it
        start = pos
        try:
            length, pos = varint(data, pos)
            end = pos + length
            delta, pos = varint(data, pos + 1)  # after the attributes, which say nothing yet
            offset, pos = varint(data, pos)
            key, pos = nullable_bytes(data, pos)
            value, pos = nullable_bytes(data, pos)
            headers, pos = read_headers(data, pos)
            if pos != end or end > size:
                raise ValueError(f"{length} bytes announced, {pos - end + length} there")  # noqa: TRY301
            if not due <= offset <= highest:
                raise ValueError(f"offset delta {offset}, not within {due} to {highest}")  # noqa: TRY301
        except (ValueError, IndexError) as error:
            frame = _frame(data, start)
            if frame is None:
                why = f"{last + 1 - highest} record(s) that nothing tells apart: {_said(error)}"
                yield _unreadable(base + due, first, data[start:], why)
                return
            start, pos, offset = frame
            if not due <= offset <= highest:
                offset = due
            yield _unreadable(base + offset, first, data[start:pos], _said(error))
        else:
            at = first + delta if appended is None else appended
            if not EARLIEST <= at <= LATEST:
                at = EARLIEST if at < 0 else LATEST
            yield Unpacked(base + offset, at, key, value, headers)
        due = offset + 1
    if pos < size and due <= last:  # where no offset is left, they are no record's
        yield _unreadable(
            base + due, first, data[pos:], f"{size - pos} bytes after the last record"
        )


def _frame(data: bytes, pos: int) -> tuple[int, int, int] | None:
    """Where the record's bytes begin and end, and its offset delta, -1 if it has none.

    None where its length is none, or cannot be: then nothing tells where the next one begins.
    """
    try:
        length, start = varint(data, pos)
    except (ValueError, IndexError):
        return None
    end = start + length
    if not start + SHORTEST <= end <= len(data):
        return None
    try:
        _delta, after = varint(data, start + 1)
        offset, after = varint(data, after)
    except (ValueError, IndexError):
        return start, end, -1
    return start, end, offset if after <= end else -1


def _said(error: Exception) -> str:
    """The error in a line: what is no text would be in its ``repr`` as a whole, four times over."""
    return f"{type(error).__name__}: {error}"


def _unreadable(offset: int, timestamp: int, raw: bytes, why: str) -> Unpacked:
    return Unpacked(offset, timestamp, None, Unreadable(raw, why), NO_HEADERS)


def unpack_with(consumer: object) -> None:
    """Have a consumer unpack what it fetches with ``Unpacker``."""
    getattr(consumer, "_fetcher").PartitionRecords = Unpacker
