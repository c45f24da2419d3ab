"""Record batches by hand, byte for byte, so that they may say anything; and the reading of them."""

import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from kafka import TopicPartition
from kafka.consumer.fetcher import IsolationLevel
from kafka.record.memory_records import MemoryRecords
from kafka.record.util import calc_crc32c

from consumer.client.internals.batches import Unpacked, Unpacker

HEADER: Final = struct.Struct(">qiibIhiqqqhii")
BASE: Final = struct.Struct(">q")
CRC: Final = struct.Struct(">I")
CRC_AT, CHECKED_FROM = 17, 21
AT: Final = TopicPartition("events", 0)


def varint(number: int) -> bytes:
    """A number of any size, in as many bytes as it needs."""
    number = number * 2 if number >= 0 else -number * 2 - 1
    raw = bytearray()
    while number > 0x7F:
        raw.append(number & 0x7F | 0x80)
        number >>= 7
    raw.append(number)
    return bytes(raw)


def sized(content: bytes | None) -> bytes:
    """Bytes with their length before them."""
    return varint(-1) if content is None else varint(len(content)) + content


@dataclass(frozen=True, slots=True)
class Crafted:
    """A record as its sender wants it; ``length`` is the true one unless it lies."""

    delta: int
    value: bytes | None = b"{}"
    timestamp_delta: int = 0
    key: bytes | None = None
    headers: Sequence[tuple[bytes, bytes | None]] = ()
    length: int | None = None

    def __bytes__(self) -> bytes:
        headers = b"".join(sized(name) + sized(content) for name, content in self.headers)
        body = (
            b"\0"
            + varint(self.timestamp_delta)
            + varint(self.delta)
            + sized(self.key)
            + sized(self.value)
            + varint(len(self.headers))
            + headers
        )
        return varint(len(body) if self.length is None else self.length) + body


def craft(  # noqa: PLR0913 - the fields of a batch
    records: Sequence[Crafted | bytes],
    *,
    base: int = 0,
    last: int | None = None,
    count: int | None = None,
    first_timestamp: int = 0,
    max_timestamp: int = 0,
    attributes: int = 0,
    leader_epoch: int = 0,
) -> bytes:
    """A batch of these records, its checksum right; full, unless ``last`` and ``count`` differ."""
    raw = [bytes(record) for record in records]
    body = b"".join(raw)
    count = len(raw) if count is None else count
    last = count - 1 if last is None else last
    times = (first_timestamp, max_timestamp)
    length = HEADER.size - 12 + len(body)
    header = HEADER.pack(
        base, length, leader_epoch, 2, 0, attributes, last, *times, -1, -1, -1, count
    )
    return sealed(bytearray(header + body))


def sealed(batch: bytearray) -> bytes:
    """The batch with its checksum right."""
    CRC.pack_into(batch, CRC_AT, calc_crc32c(memoryview(batch)[CHECKED_FROM:]))
    return bytes(batch)


def fetch(raw: bytes, position: int = 0, aborted: Sequence[Any] = ()) -> Unpacker:
    """What a consumer at this position makes of these bytes."""
    return Unpacker(
        position,
        AT,
        MemoryRecords(raw),
        isolation_level=IsolationLevel.READ_COMMITTED,
        aborted_transactions=aborted,
    )


def fetched(raw: bytes, position: int = 0) -> tuple[list[Unpacked], int]:
    """All records of one fetch, and the position after them."""
    unpacker = fetch(raw, position)
    return unpacker.take(), unpacker.next_fetch_offset


class Log:
    """Batches as a broker keeps them: it knows where each begins, and believes what it says."""

    def __init__(self, *batches: bytes) -> None:
        self._batches = batches

    def read(self, position: int, end: int) -> list[Unpacked]:
        """The records from a position to the end, in as many fetches as it takes."""
        records: list[Unpacked] = []
        while position < end:
            some, after = fetched(self._from(position), position)
            assert after > position, f"no progress at {position}"
            records += some
            position = after
        assert position == end
        return records

    def _from(self, position: int) -> bytes:
        """As Kafka looks it up: from the first batch whose last offset is not before it."""
        for number, batch in enumerate(self._batches):
            base, last = BASE.unpack_from(batch)[0], int.from_bytes(batch[23:27], signed=True)
            if base + last >= position:
                return b"".join(self._batches[number:])
        return b""


def write(kafka: str, topic: str, batch: bytes, version: int = 3) -> int:
    """Produce a batch as it is, by a request made by hand; the broker's error code.

    https://kafka.apache.org/protocol#The_Messages_Produce, version 3 to 7; 7 for zstd.
    """
    name = struct.pack(">h", len(topic)) + topic.encode()
    records = struct.pack(">iii", 1, 0, len(batch)) + batch  # of partition 0
    body = struct.pack(">hhii", -1, -1, 30_000, 1) + name + records
    request = struct.pack(">hhih", 0, version, 1, -1) + body
    host, _, port = kafka.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=30) as line:
        line.sendall(struct.pack(">i", len(request)) + request)
        with line.makefile("rb") as answer:
            (size,) = struct.unpack(">i", answer.read(4))
            reply = answer.read(size)
    (code,) = struct.unpack_from(">h", reply, 8 + len(name) + 8)
    return int(code)
