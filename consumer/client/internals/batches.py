"""Unpacks record batches; a bad record becomes an ``Unreadable`` value, its neighbours are read.

kafka-python raises at a record whose header key is not UTF-8 or whose lengths are wrong, and the
records after it in the same batch could never be read. So it is in place with FAST_PATH=off too.
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
    """The parts of a record that the service reads."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class Unpacker(Fetcher.PartitionRecords):  # type: ignore[misc]  # kafka-python has no types
    """The records of one fetched partition; replaces kafka-python's class of the same purpose."""

    next_fetch_offset: int
    leader_epoch: int

    def _unpack_records(self, _at: object, batches: Any, *_: object) -> Iterator[Unpacked]:  # noqa: ANN401
        """Called by kafka-python; yields the records from ``next_fetch_offset``, and moves it."""
        batch, unpacked = batches.next_batch(), 0
        while batch is not None and unpacked <= MAX_BYTES:  # the rest is fetched again
            self.bytes_read += batch.size_in_bytes
            try:
                records = self._open(batch)
            except CorruptRecordError as error:
                following = _next_whole(batches, batch)
                end = self._end(batch, following)
                if end > self.next_fetch_offset:
                    yield from self._lost(batch, end, error)
                    break  # the next fetch lists the transactions aborted from here on
                batch = following  # the damaged offsets were read before
                continue
            for record in records:
                self.next_fetch_offset = record.offset + 1
                yield record
            unpacked += len(batch._buffer)
            # Compaction may have removed the batch's last records.
            self.next_fetch_offset = max(self.next_fetch_offset, batch.next_offset)
            batch = batches.next_batch()
        self.drain()

    def _open(self, batch: DefaultRecordBatch) -> Iterator[Unpacked]:
        """The batch's records from ``next_fetch_offset`` on.

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
        """Whether the batch is a transaction's marker, or of an aborted transaction."""
        aborted = False
        if self.isolation_level == IsolationLevel.READ_COMMITTED and batch.has_producer_id():
            self._consume_aborted_transactions_up_to(batch.last_offset)
            if batch.is_control_batch and _aborts(batch):
                self.aborted_producer_ids.discard(batch.producer_id)
            aborted = self._is_batch_aborted(batch)
        return bool(aborted or batch.is_control_batch)

    def _lost(self, batch: Any, end: int, why: Exception) -> Iterator[Unpacked]:  # noqa: ANN401
        """Unreadable records in place of a batch.

        One for a batch whose checksum is right, at its first offset: it was written like that. One
        for each offset if the checksum is wrong: the batch was damaged later, and some of its
        records may have been read before. Both give the same after a restart.
        """
        offsets = range(self.next_fetch_offset, end)
        if _is_whole(batch):
            offsets = range(max(self.next_fetch_offset, batch.base_offset), batch.base_offset + 1)
        raw, detail = bytes(batch._buffer), f"the batch cannot be unpacked: {why}"
        for offset in offsets:
            self.next_fetch_offset = offset + 1
            yield unreadable(offset, NO_TIMESTAMP, raw, detail)
        self.next_fetch_offset = end

    def _end(self, damaged: Any, following: DefaultRecordBatch | None) -> int:  # noqa: ANN401
        """The offset after the damaged batch; at most the next batch's first.

        The header of a batch whose checksum is wrong is trusted only if a whole batch follows.
        Otherwise the result is one offset further on: the next fetch returns the same batch again,
        or the next one.
        """
        ends: list[int] = []
        if following is not None:
            ends.append(following.base_offset)
        believed = _is_whole(damaged) or (following is not None and damaged.magic == MAGIC)
        if believed and damaged.last_offset_delta >= 0:
            ends.append(damaged.next_offset)
        return min(ends, default=self.next_fetch_offset + 1)


def _aborts(marker: DefaultRecordBatch) -> bool:
    """Whether a transaction's marker says aborted; compaction may have emptied the marker."""
    record = next(unpack(marker), None)
    return bool(record and record.key and record.key[2:4] == b"\0\0")  # the version is before it


def _is_whole(batch: Any) -> bool:  # noqa: ANN401
    return bool(batch.magic == MAGIC and batch.validate_crc())


def _next_whole(batches: Any, damaged: Any) -> DefaultRecordBatch | None:  # noqa: ANN401
    """The batch after a damaged one; None unless it is in the same fetch, and whole."""
    try:
        batch = batches.next_batch()
        found = batch is not None and _is_whole(batch) and batch.base_offset > damaged.base_offset
    except (CorruptRecordError, struct.error):
        return None
    return batch if found else None


def unpack(batch: DefaultRecordBatch) -> Iterator[Unpacked]:
    """The records of a batch whose checksum is right, at rising offsets within the batch.

    The checksum shows damage in transit, not what a hostile sender wrote. So no field of a record
    is trusted beyond that record: the batch yields as many records as its header counts, a bad one
    as ``Unreadable``. Where a wrong length hides the start of the next one, the rest of the batch
    is one ``Unreadable``.

    Raises:
        CorruptRecordError: The header contradicts itself, or the records cannot be decompressed.
    """
    count, last = batch.records_count, batch.last_offset_delta
    if not 0 <= count <= last + 1:
        raise CorruptRecordError(f"{count} records and a last offset delta of {last}")
    try:
        uncompress(batch)
    except UnsupportedCodecError:
        if batch.compression_type <= batch.CODEC_ZSTD:
            raise  # a library is missing, the batch is not to blame
        raise CorruptRecordError(f"compression {batch.compression_type}") from None
    except Exception as error:  # each codec has its own
        raise CorruptRecordError(f"it cannot be uncompressed: {error!r}") from error
    return _records(batch, bytes(batch._buffer), batch._pos)


def _records(batch: DefaultRecordBatch, data: bytes, pos: int) -> Iterator[Unpacked]:
    base, first, last = batch.base_offset, batch.first_timestamp, batch.last_offset_delta
    appended = batch.max_timestamp if batch.timestamp_type == batch.LOG_APPEND_TIME else None
    count, size = batch.records_count, len(data)
    due = 0  # the least offset delta that the next record may have
    for highest in range(last - count + 1, last + 1):  # leaves offsets for the records after it
        start = pos
        try:
            length, pos = varint(data, pos)
            end = pos + length
            delta, pos = varint(data, pos + 1)  # after the attributes, which are not in use yet
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
                yield unreadable(base + due, first, data[start:], why)
                return
            start, pos, offset = frame
            if not due <= offset <= highest:
                offset = due
            yield unreadable(base + offset, first, data[start:pos], _said(error))
        else:
            at = first + delta if appended is None else appended
            if not EARLIEST <= at <= LATEST:
                at = EARLIEST if at < 0 else LATEST
            yield Unpacked(base + offset, at, key, value, headers)
        due = offset + 1
    if pos < size and due <= last:  # with no offset left there is no place to report them
        yield unreadable(base + due, first, data[pos:], f"{size - pos} bytes after the last record")


def _frame(data: bytes, pos: int) -> tuple[int, int, int] | None:
    """Start and end of the record's bytes, and its offset delta (-1: unreadable).

    None where its length is wrong: then the start of the next record is not known.
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
    """The error in one line; its ``repr`` would quote all bytes of a key that is not UTF-8."""
    return f"{type(error).__name__}: {error}"


def unreadable(offset: int, timestamp: int, raw: bytes, why: str) -> Unpacked:
    """A record in place of one that cannot be unpacked: its bytes, as far as they are known."""
    return Unpacked(offset, timestamp, None, Unreadable(raw, why), NO_HEADERS)


def unpack_with(consumer: object) -> None:
    """Make a consumer unpack what it fetches with ``Unpacker``."""
    getattr(consumer, "_fetcher").PartitionRecords = Unpacker
