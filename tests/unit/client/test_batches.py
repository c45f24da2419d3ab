"""What is believed of a batch: a record's own bytes, and nothing in them beyond the record."""

import gzip
import struct
import tracemalloc
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import lz4.frame
import pytest
import zstandard
from kafka.codec import snappy_encode
from kafka.errors import CorruptRecordError, TopicAuthorizationFailedError
from kafka.record.default_records import DefaultRecordBatch

from consumer.client.internals.batches import Unpacked, unpack
from consumer.client.internals.compression import MAX_BYTES
from consumer.client.poll import poll
from consumer.decode.event import Rejected, Unreadable, parse_object
from contract.messages import Reason
from unit.batches import HEADER, Crafted, Log, craft, fetch, fetched, sealed, varint

BEYOND = 2**66  # no 64 bits
MIN, MAX = -(2**63), 2**63 - 1
GZIP, CONTROL, APPENDED = 1, 0x20, 0x08


def numbered(*deltas: int) -> list[Crafted]:
    """A record of each offset delta; its value is where it stands."""
    return [Crafted(delta, b'{"at":%d}' % at) for at, delta in enumerate(deltas)]


def shown(records: list[Unpacked]) -> list[tuple[int, str]]:
    """The offsets, and the values of those that were read."""
    return [
        (one.offset, "?" if isinstance(one.value, Unreadable) else (one.value or b"").decode())
        for one in records
    ]


def detail(record: Unpacked) -> str:
    assert isinstance(record.value, Unreadable)
    return record.value.detail


@pytest.mark.parametrize("wrong", [0, 1, 3, 4, 1000, -1, 2**31, 2**63, -(2**63), BEYOND, -BEYOND])
def test_an_offset_delta_that_is_not_the_records_own_costs_that_record_alone(wrong: int) -> None:
    records, position = fetched(craft(numbered(0, 1, wrong, 3, 4), base=10), 10)
    assert shown(records) == [
        (10, '{"at":0}'),
        (11, '{"at":1}'),
        (12, "?"),
        (13, '{"at":3}'),
        (14, '{"at":4}'),
    ]
    assert position == 15
    assert f"offset delta {wrong}, not within 2 to 2" in detail(records[2])


@pytest.mark.parametrize(
    ("deltas", "due"),
    [
        ((2, 5, 9), [2, 5, 9]),  # compaction took the others
        ((0, 1, 2), [0, 1, 2]),
        ((2, 2, 9), [2, -3, 9]),
        ((9, 5, 9), [0, 5, 9]),  # no room after the first: it is counted, the others are right
        ((2, 9, 9), [2, -3, 9]),
        ((5, 3, 4), [5, -6, -7]),
        ((10, 11, 12), [0, -1, -2]),
    ],
)
def test_deltas_rise_within_the_batch_and_leave_room(
    deltas: tuple[int, ...], due: list[int]
) -> None:
    records, position = fetched(craft(numbered(*deltas), last=9))
    assert [record.offset for record in records] == [abs(offset) for offset in due]
    for record, delta, offset in zip(records, deltas, due, strict=True):
        assert isinstance(record.value, Unreadable) == (delta != offset)
    assert position == 10


@pytest.mark.parametrize(
    ("first", "delta", "due"),
    [
        (1000, -7, 993),
        (MAX, 0, MAX),
        (MAX, 1, MAX),
        (MAX, MAX, MAX),
        (MIN, -1, MIN),
        (MIN, MIN, MIN),
        (MIN, MAX, -1),
        (0, BEYOND, MAX),
        (0, -BEYOND, MIN),
        (0, 2**70, None),  # more than ten bytes are no number
    ],
)
def test_a_timestamp_has_64_bits(first: int, delta: int, due: int | None) -> None:
    batch = craft([Crafted(0, b"a", delta), Crafted(1, b"b", 5)], first_timestamp=first)
    records, position = fetched(batch)
    if due is None:
        assert isinstance(records[0].value, Unreadable)
    else:
        assert records[0].timestamp == due
        assert records[0].value == b"a"
    assert records[1].value == b"b"
    assert position == 2


@pytest.mark.parametrize("at", [MIN, -1, MAX])
def test_log_append_time_is_that_of_the_batch(at: int) -> None:
    batch = craft([Crafted(0, b"a", BEYOND)], max_timestamp=at, attributes=APPENDED)
    (record,), _ = fetched(batch)
    assert (record.timestamp, record.value) == (at, b"a")


@pytest.mark.parametrize("length", [-5, -1, 0, 1, 3, 5000, 2**31, 2**63, BEYOND])
def test_where_a_records_length_lies_the_rest_is_one_record_at_the_next_offset(length: int) -> None:
    good = numbered(0, 1, 2, 3, 4)
    good[2] = Crafted(2, b'{"at":2}', length=length)
    log = Log(craft(good), craft([Crafted(0, b"after")], base=5))
    records = log.read(0, 6)
    if length in (1, 3):  # too short for what it frames, and may pass for another record's
        assert shown(records)[:2] == [(0, '{"at":0}'), (1, '{"at":1}')]
    else:
        assert shown(records)[:-1] == [(0, '{"at":0}'), (1, '{"at":1}'), (2, "?")]
        assert "3 record(s) that nothing tells apart" in detail(records[2])
        assert records[2].value == b"".join(map(bytes, good[2:]))
    assert shown(records)[-1] == (5, "after")


def test_a_length_that_takes_the_next_record_in_leaves_its_offset_unreadable() -> None:
    swallowed = bytes(Crafted(1, b"swallowed"))
    records, position = fetched(craft([Crafted(0, b"x" + swallowed), Crafted(2, b"z")], count=3))
    assert [record.offset for record in records] == [0, 1, 2]
    assert position == 3


@pytest.mark.parametrize("lie", ["key", "value", "header count", "header value"])
def test_a_length_inside_a_record_may_not_reach_beyond_it(lie: str) -> None:
    far = varint(70)
    nothing, none = b"\0", b"\1"
    body = {
        "key": b"\0\0\2" + far + b"key" + none + nothing,
        "value": b"\0\0\2" + none + far + b"value" + nothing,
        "header count": b"\0\0\2" + none + none + far,
        "header value": b"\0\0\2" + none + none + varint(1) + varint(1) + b"h" + far + b"value",
    }[lie]
    for length in (len(body), len(body) + 60):
        good: list[Crafted | bytes]
        good = [Crafted(0, b"a"), varint(length) + body, Crafted(2, b"c" * 100)]
        records, position = fetched(craft(good))
        assert shown(records)[0] == (0, "a")
        assert isinstance(records[1].value, Unreadable)
        assert position == 3
        if length == len(body):
            assert shown(records)[2] == (2, "c" * 100)


def test_what_is_cut_off_at_the_end_of_a_batch_is_not_read_as_if_it_were_whole() -> None:
    whole = bytes(Crafted(1, b"b", headers=[(b"h", b"x" * 20)]))
    records, position = fetched(craft([Crafted(0, b"a"), whole[:-5]]))
    assert shown(records) == [(0, "a"), (1, "?")]
    assert position == 2


def test_bytes_after_the_last_record_come_out_while_there_is_an_offset_for_them() -> None:
    hidden = craft(numbered(0, 1, 2, 3), count=2, last=3)
    records, position = fetched(hidden)
    assert shown(records) == [(0, '{"at":0}'), (1, '{"at":1}'), (2, "?")]
    assert "bytes after the last record" in detail(records[2])
    assert position == 4
    records, position = fetched(craft([*numbered(0, 1), b"and more"], count=2))
    assert shown(records) == [(0, '{"at":0}'), (1, '{"at":1}')]
    assert position == 2


def test_a_batch_that_compaction_emptied_is_passed() -> None:
    assert fetched(craft([], last=4, count=0)) == ([], 5)


@pytest.mark.parametrize(
    ("count", "last"), [(-1, 2), (4, 2), (3, -1), (2**31 - 1, 2), (3, -(2**31))]
)
def test_a_header_that_contradicts_itself_is_a_damaged_batch(count: int, last: int) -> None:
    batch = craft(numbered(0, 1, 2), count=count, last=last)
    with pytest.raises(CorruptRecordError, match=f"{count} records and a last offset delta"):
        unpack(DefaultRecordBatch(batch))
    records = Log(craft(numbered(0, 1)), rebased(batch, 2), craft(numbered(0), base=5)).read(0, 6)
    assert shown(records) == [(0, '{"at":0}'), (1, '{"at":1}'), (2, "?"), (5, '{"at":0}')]


def rebased(batch: bytes, base: int) -> bytes:
    return struct.pack(">q", base) + batch[8:]


@pytest.mark.parametrize("codec", range(1, 8))
def test_a_batch_that_cannot_be_uncompressed_is_one_record_and_a_restart_adds_none(
    codec: int,
) -> None:
    bad = craft(numbered(0, 1, 2), base=2, attributes=codec)
    log = Log(craft(numbered(0, 1)), bad, craft(numbered(0), base=5))
    due = [(0, '{"at":0}'), (1, '{"at":1}'), (2, "?"), (5, '{"at":0}')]
    assert shown(log.read(0, 6)) == due
    assert shown(log.read(3, 6)) == due[-1:]  # from a snapshot behind that record
    assert fetched(bad, 2)[1] == 5  # it is the log's last
    assert fetched(bad, 3)[1] == 5


COMPRESS: dict[int, Callable[[bytes], bytes]] = {
    1: gzip.compress,
    2: snappy_encode,
    3: lz4.frame.compress,
    4: zstandard.ZstdCompressor().compress,
}


def compressed(codec: int, *records: Crafted, base: int = 0) -> bytes:
    plain = craft(records, base=base, attributes=codec)
    batch = bytearray(plain[: HEADER.size] + COMPRESS[codec](plain[HEADER.size :]))
    struct.pack_into(">i", batch, 8, len(batch) - 12)
    return sealed(batch)


def most(work: Callable[[], object]) -> int:
    """The most bytes that this has held at a time."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("codec", COMPRESS)
def test_of_each_codec_the_records_are_read(codec: int) -> None:
    raw = compressed(codec, *numbered(0, 1)) + compressed(codec, *numbered(0), base=2)
    assert shown(fetched(raw)[0]) == [(0, '{"at":0}'), (1, '{"at":1}'), (2, '{"at":0}')]


@pytest.mark.parametrize("codec", [1, 3, 4])
def test_a_batch_of_more_than_there_is_memory_for_is_one_record(codec: int) -> None:
    bomb = compressed(codec, Crafted(0, bytes(4 * MAX_BYTES)))
    log = Log(bomb, compressed(codec, *numbered(0), base=1))
    read: list[Unpacked] = []
    assert most(lambda: read.extend(log.read(0, 2))) < 3 * MAX_BYTES
    assert shown(read) == [(0, "?"), (1, '{"at":0}')]
    assert "more than" in detail(read[0])


def test_a_fetch_gives_no_more_than_there_is_memory_for() -> None:
    large = [compressed(4, Crafted(0, bytes(MAX_BYTES * 3 // 4)), base=at) for at in range(9)]
    assert most(lambda: fetched(b"".join(large))) < 6 * MAX_BYTES
    assert [record.offset for record in Log(*large).read(0, 9)] == [*range(9)]


@pytest.mark.parametrize("last", [2, 0, 1, 3, 60, -1, 2**31 - 1, -(2**31)])
def test_a_batch_whose_checksum_is_wrong_costs_its_own_records_and_no_others(last: int) -> None:
    bad = bytearray(craft(numbered(0, 1, 2), base=2, last=2))
    bad[23:27] = last.to_bytes(4, signed=True)
    bad[-1] ^= 1
    log = Log(craft(numbered(0, 1)), bytes(bad), craft(numbered(0, 1), base=5))
    records = shown(log.read(0, 7))
    assert records[:2] == [(0, '{"at":0}'), (1, '{"at":1}')]
    assert records[-2:] == [(5, '{"at":0}'), (6, '{"at":1}')]
    lost = records[2:-2]
    assert {value for _, value in lost} == {"?"}
    if last >= 2 or last < 0:
        assert [offset for offset, _ in lost] == [2, 3, 4]
    if last >= 0:
        assert shown(log.read(4, 7)) == [one for one in records if one[0] >= 4]


def test_a_batch_whose_checksum_is_wrong_at_the_end_of_the_log_is_passed_a_step_at_a_time() -> None:
    bad = bytearray(craft(numbered(0, 1, 2), base=2, last=1000))
    bad[-1] ^= 1
    log = Log(craft(numbered(0, 1)), bytes(bad))
    assert shown(log.read(0, 5))[2:] == [(2, "?"), (3, "?"), (4, "?")]
    again = Log(craft(numbered(0, 1)), bytes(bad), craft(numbered(0, 1), base=5))
    assert shown(again.read(5, 7)) == [(5, '{"at":0}'), (6, '{"at":1}')]  # written since


@pytest.mark.parametrize("magic", [0, 1, 3, 127, -1])
def test_another_format_is_passed_without_its_neighbours(magic: int) -> None:
    bad = bytearray(craft(numbered(0, 1, 2), base=2))
    bad[16:17] = magic.to_bytes(1, signed=True)
    log = Log(craft(numbered(0, 1)), bytes(bad), craft(numbered(0), base=5))
    assert shown(log.read(0, 6))[2:] == [(2, "?"), (3, "?"), (4, "?"), (5, '{"at":0}')]


def test_a_fetch_that_begins_within_a_batch_gives_nothing_before_the_position() -> None:
    batch = craft(numbered(0, 7, 2, 3), base=4)
    for position in range(4, 8):
        records, after = fetched(batch, position)
        assert [record.offset for record in records] == list(range(position, 8))
        assert after == 8
    assert fetched(batch, 9) == ([], 9)  # and the position does not go back


def test_of_transactions_the_markers_are_passed_and_what_was_aborted_too() -> None:
    def sent(raw: bytes, producer: int) -> bytes:
        batch = bytearray(raw)
        batch[43:51] = producer.to_bytes(8, signed=True)
        return sealed(batch)

    def marker(base: int, key: bytes | None, count: int = 1) -> bytes:
        records = [Crafted(0, b"\0\0\0\0\0\0", key=key)][:count]
        return craft(records, base=base, last=0, attributes=CONTROL | 0x10)

    abort = struct.pack(">hh", 0, 0)
    raw = b"".join(
        [
            sent(craft(numbered(0), base=0, attributes=0x10), 7),
            sent(marker(1, abort), 7),
            sent(craft(numbered(0), base=2, attributes=0x10), 7),
            sent(marker(3, struct.pack(">hh", 0, 1)), 7),
            sent(marker(4, None), 7),
            sent(marker(5, b"\0"), 7),
            sent(marker(6, None, count=0), 7),  # compaction emptied it
            craft(numbered(0), base=7),
        ]
    )
    unpacker = fetch(raw, aborted=[SimpleNamespace(producer_id=7, first_offset=0)])
    assert [record.offset for record in unpacker.take()] == [2, 7]
    assert unpacker.next_fetch_offset == 8


def test_an_unreadable_record_is_no_event_though_its_bytes_be_one() -> None:
    refused = parse_object(Unreadable(b'{"tv": 1.0}', "it lies"))
    assert refused == Rejected(Reason.UNREADABLE, "it lies")


class Stuck:
    """A client whose poll fails while it holds a fetch."""

    def __init__(self, held: object, fault: Exception) -> None:
        self.fault, self.sought = fault, [0]
        self._fetcher = SimpleNamespace(_next_partition_records=held)
        self._coordinator = SimpleNamespace(rejoining=False)

    def poll(self, **_: object) -> None:
        raise self.fault

    def seek(self, _at: object, offset: int) -> None:
        self.sought.append(offset)


def test_what_is_no_batch_is_stepped_over_from_the_position_on() -> None:
    raw = craft(numbered(0, 1, 2)) + b"\0" * 8 + (12).to_bytes(4) + b"\0" * 12
    held = fetch(raw, 1)
    assert [record.offset for record in held.take(2)] == [1, 2]
    with pytest.raises((CorruptRecordError, struct.error)) as fault:
        held.take(2)
    client: Any = Stuck(held, fault.value)
    ((_, (pill,)),) = poll(client, 1).items()
    assert isinstance(pill.value, Unreadable)
    assert (pill.offset, client.sought) == (3, [0, 4])


def test_a_fetch_that_was_read_to_its_end_is_not_what_a_fault_is_about() -> None:
    held = fetch(craft(numbered(0, 1, 2)))
    held.take()
    assert not held
    client: Any = Stuck(held, CorruptRecordError("Kafka says so of another partition"))
    with pytest.raises(CorruptRecordError):
        poll(client, 1)
    assert client.sought == [0]
    with pytest.raises(TopicAuthorizationFailedError):
        poll(Stuck(None, TopicAuthorizationFailedError()), 1)  # type: ignore[arg-type]


def test_the_header_is_as_long_as_kafka_says() -> None:
    assert HEADER.size == 61
