"""Unpack batches, tolerantly: a record that cannot be unpacked is handed on as bytes.

kafka-python gives up a whole batch at one record whose header key is not UTF-8 or whose lengths
lie: the records after it in the same batch could then never be read. Here such a record comes out
with its own bytes as an ``Unreadable`` value, and the next one after it.
"""

from kafka.errors import CorruptRecordError
from kafka.record import memory_records
from kafka.record.default_records import DefaultRecord, DefaultRecordBatch
from kafka.record.util import decode_varint

from consumer.decode import Unreadable


class TolerantBatch(DefaultRecordBatch):  # type: ignore[misc]  # kafka-python has no types
    """A batch of Kafka's record format 2 (the only one since Kafka 0.11)."""

    def __next__(self) -> DefaultRecord:
        try:
            return super().__next__()
        except CorruptRecordError as error:
            record = self._step_over(error)
            if record is None:
                raise
            return record

    def _step_over(self, error: CorruptRecordError) -> DefaultRecord | None:
        """The record at the read position as bytes; None where not even its length holds."""
        if self._next_record_index >= self._num_records:
            return None
        try:
            length, start = decode_varint(self._buffer, self._pos)
            _attributes, pos = decode_varint(self._buffer, start)
            _timestamp, pos = decode_varint(self._buffer, pos)
            offset_delta, pos = decode_varint(self._buffer, pos)
        except (ValueError, IndexError):
            return None
        if not pos <= start + length <= len(self._buffer):
            return None
        end = start + length
        self._pos: int = end
        self._next_record_index += 1
        raw = bytes(self._buffer[start:end])
        offset = self.base_offset + offset_delta
        value = Unreadable(raw, str(error))
        return DefaultRecord(
            length, offset, self.first_timestamp, self.timestamp_type, None, value, []
        )


def install() -> None:
    """Make kafka-python's consumers use it, from now on, in this process."""
    memory_records.DefaultRecordBatch = TolerantBatch


# The client's own name for it must be there, or a new kafka-python would pass us by in silence.
if memory_records.DefaultRecordBatch not in (DefaultRecordBatch, TolerantBatch):
    raise ImportError("kafka-python has changed: consumer/unpack.py must be looked at")
