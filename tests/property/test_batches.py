"""Batches unpacked by us and by kafka-python are the same records; a broken one hides no other."""

from hypothesis import given
from hypothesis import strategies as st
from kafka.errors import CorruptRecordError
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

from consumer.client.internals.batches import unpack
from consumer.decode.event import Unreadable

COMPRESSIONS = (0, 1, 2, 3, 4)  # none, gzip, snappy, lz4, zstd
LENGTHS = st.sampled_from([0, 1, 62, 63, 64, 65, 8191, 8192, 70_000])
BYTES = st.none() | st.binary(max_size=40) | LENGTHS.map(bytes)
HEADERS = st.lists(st.tuples(st.text(max_size=5), st.none() | st.binary(max_size=5)), max_size=3)
TIMES = st.integers(0, 2**41) | st.integers(1_700_000_000_000, 1_700_000_000_100)
RECORDS = st.lists(st.tuples(TIMES, BYTES, BYTES, HEADERS), min_size=1, max_size=150)


def batch_of(
    records: list[tuple[int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]],
    compression: int = 0,
) -> DefaultRecordBatch:
    """A batch that begins at offset 0, as kafka-python's producer writes it."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=compression,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=2**30,
    )
    for offset, (timestamp, key, value, headers) in enumerate(records):
        assert builder.append(offset, timestamp, key, value, headers)
    return DefaultRecordBatch(bytes(builder.build()))


@given(RECORDS, st.sampled_from(COMPRESSIONS))
def test_what_kafka_python_reads_we_read(
    records: list[tuple[int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]],
    compression: int,
) -> None:
    batch = batch_of(records, compression)
    theirs = [
        (one.offset, one.timestamp, one.key, one.value, one.headers)
        for one in DefaultRecordBatch(bytes(batch._buffer))
    ]
    ours = [(*one[:-1], list(one.headers)) for one in unpack(batch)]
    assert ours == theirs
    assert [value for _, _, _, value, _ in ours] == [value for _, _, value, _ in records]


class _BadName(str):
    """A header key that is not UTF-8 on the wire."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return b"\xff\xfe"


@given(st.lists(st.booleans(), min_size=1, max_size=100))
def test_a_record_that_cannot_be_read_comes_as_its_bytes_between_the_others(
    bad: list[bool],
) -> None:
    values = [b"value %d" % offset for offset in range(len(bad))]
    batch = batch_of(
        [
            (offset, b"key", value, [(_BadName("x"), None)] if is_bad else [])
            for offset, (value, is_bad) in enumerate(zip(values, bad, strict=True))
        ]
    )
    records = list(unpack(batch))
    assert [record.offset for record in records] == list(range(len(bad)))
    assert [isinstance(record.value, Unreadable) for record in records] == bad
    for record, value in zip(records, values, strict=True):
        assert record.value is not None
        assert value in record.value


@given(st.binary(max_size=60), st.integers(0, 5), st.integers(-1, 10))
def test_any_bytes_in_a_batch_give_records_at_rising_offsets_within_it(
    noise: bytes, count: int, last: int
) -> None:
    batch = batch_of([(0, None, b"", [])])
    header = bytearray(batch._buffer[: batch._pos])
    header[-4:] = count.to_bytes(4, "big")
    header[23:27] = last.to_bytes(4, "big", signed=True)
    hostile = DefaultRecordBatch(bytes(header) + noise)
    try:
        records = list(unpack(hostile))
    except CorruptRecordError:
        assert count > last + 1
        return
    assert count <= last + 1
    offsets = [record.offset for record in records]
    assert offsets == sorted(set(offsets))
    assert set(offsets) <= set(range(last + 1))
    if count == 0:
        assert [record.value for record in records] == ([noise] if noise and last >= 0 else [])
        return
    assert records
    assert len(records) <= count + 1
    if len(records) != count:  # what nothing told apart, or came after, is there to the last byte
        rest = records[-1].value
        assert isinstance(rest, Unreadable)
        assert noise.endswith(rest)
