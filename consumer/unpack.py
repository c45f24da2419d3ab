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
        if self._next_record_index >= self._num_records:
            return super().__next__()  # the end, or bytes too many
        try:
            record: DefaultRecord = self._read_msg()
        except (ValueError, IndexError, CorruptRecordError) as error:
            return self._step_over(error)
        self._next_record_index += 1
        return record

    def _step_over(self, error: Exception) -> DefaultRecord:
        """The record at the read position, as bytes.

        Raises:
            CorruptRecordError: Not even its length holds.
        """
        try:
            length, start = decode_varint(self._buffer, self._pos)
            _attributes, pos = decode_varint(self._buffer, start)
            _timestamp, pos = decode_varint(self._buffer, pos)
            offset_delta, pos = decode_varint(self._buffer, pos)
        except (ValueError, IndexError):
            raise CorruptRecordError(f"a record without a length: {error!r}") from error
        end = start + length
        if not pos <= end <= len(self._buffer):
            raise CorruptRecordError(f"a record whose length lies: {error!r}") from error
        self._pos: int = end
        self._next_record_index += 1
        value = Unreadable(bytes(self._buffer[start:end]), repr(error))
        offset = self.base_offset + offset_delta
        return DefaultRecord(
            length, offset, self.first_timestamp, self.timestamp_type, None, value, []
        )


def install() -> None:
    """Make kafka-python's consumers use it, from now on, in this process."""
    memory_records.DefaultRecordBatch = TolerantBatch


# The client's own name for it must be there, or a new kafka-python would pass us by in silence.
if memory_records.DefaultRecordBatch not in (DefaultRecordBatch, TolerantBatch):
    raise ImportError("kafka-python has changed: consumer/unpack.py must be looked at")
