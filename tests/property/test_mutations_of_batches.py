"""Valid batches, mutated: no neighbour is lost, no position goes beyond, every state can be saved.

Three batches lie one after another in a log, and the one in the middle is mutated: bytes flipped,
lengths, deltas, times and counts replaced. Its checksum is made right again in nineteen cases of
twenty: as its sender would, or as no disk does.
"""

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from time import perf_counter

import orjson
import pytest

from consumer.client.internals.batches import Unpacked
from consumer.decode.event import Unreadable
from consumer.model.partition import Partition
from consumer.state import snapshot
from contract.messages import REQUEST_OF_EVENT
from unit.batches import BASE, HEADER, Crafted, Log, craft, sealed, varint
from unit.records import FIELDS, spec

TOPIC_ID = "731a93a8-13c2-4484-86b9-2853c5457111"
MADE = spec("sales ~ tv + radio")
ROUND = 1000
TIME = 1_760_000_000_000
HEADERS: tuple[list[tuple[bytes, bytes | None]], ...] = (
    [],
    [(b"reply_to", b"replies"), (b"correlation_id", b"1")],
    [(REQUEST_OF_EVENT.encode(), b"requests-0:17")],
)
EXTREMES = (-1, 0, 1, 2, 5, 6, 63, 64, 8191, 8192, 2**31 - 1, 2**31, 2**62, 2**63 - 1, 2**63)
HEADER_FIELDS = {  # where they are: what no byte within a record says
    "leader epoch": (12, "i"),
    "magic": (16, "b"),
    "attributes": (21, "h"),
    "last": (23, "i"),
    "first timestamp": (27, "q"),
    "max timestamp": (35, "q"),
    "producer id": (43, "q"),
    "producer epoch": (51, "h"),
    "base sequence": (53, "i"),
    "count": (57, "i"),
}


@dataclass(frozen=True, slots=True)
class Mutated:
    """A batch, and which of its records are as they were.

    Attributes:
        raw: Its bytes.
        safe: The places of those that must come out as they are.
        size: How many offsets a broker would have given it.
        placed: Whether its checksum is right, and its last offset where a broker finds it.
        full: Whether it also says of itself that it has a record for each offset, and no less.
    """

    raw: bytes
    safe: frozenset[int]
    size: int
    placed: bool = False
    full: bool = False


class Source:
    """Batches of a few events, and mutations of them, all from one seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - repeatable
        pool = [self.records(self.chance.randint(3, 6)) for _ in range(200)]
        self._pool = [(records, [bytes(one) for one in records]) for records in pool]

    def records(self, count: int) -> list[Crafted]:
        """Events of their own, the records of a batch."""
        chance = self.chance
        return [
            Crafted(
                delta,
                orjson.dumps({name: round(chance.gauss(10, 5), 3) for name in FIELDS}),
                timestamp_delta=chance.choice([0, delta, -5, 70]),
                key=chance.choice([None, b"key"]),
                headers=HEADERS[chance.choice([0, 0, 0, 1, 2])],
            )
            for delta in range(count)
        ]

    def neighbours(self) -> list[Crafted]:
        """Two events that count each time that they are there."""
        return [replace(one, headers=[]) for one in self.records(2)]

    def mutated(self) -> tuple[list[Crafted], Mutated]:
        """The records as they were, and the batch as it is."""
        records, raw = self.chance.choice(self._pool)
        change = self.chance.choice(
            [self._flip, self._flip, self._field, self._field, self._header]
        )
        return records, change(records, raw)

    def _extreme(self) -> int:
        return self.chance.choice([1, -1]) * self.chance.choice(EXTREMES)

    def _field(self, records: list[Crafted], whole: list[bytes]) -> Mutated:
        """One field of one record is replaced, its length being right or the one that lies."""
        at = self.chance.randrange(len(records))
        one, raw = records[at], whole[at]
        safe = frozenset(range(len(records))) - {at}
        match self.chance.randrange(5):
            case 0:
                raw = bytes(replace(one, delta=self._extreme()))
            case 1:
                raw = bytes(replace(one, timestamp_delta=self._extreme()))
            case 2:
                raw = bytes(replace(one, headers=[(b"same", b"x" * 5)] * 50))
            case 3:  # a length within: of the key, the value, the headers
                where = self.chance.randrange(3, len(raw))
                body = raw[3:where] + varint(self._extreme()) + raw[where + 1 :]
                raw = varint(len(body)) + body
            case 4:
                raw = bytes(replace(one, length=self._extreme()))
                safe = frozenset(range(at))
        made = whole.copy()
        made[at] = raw
        return self._sealed(craft(made, first_timestamp=TIME), safe, len(records))

    def _header(self, records: list[Crafted], whole: list[bytes]) -> Mutated:
        """One field of the batch's header is replaced."""
        batch = bytearray(craft(whole, first_timestamp=TIME))
        at, code = self.chance.choice([*HEADER_FIELDS.values()])
        bits = struct.calcsize(code) * 8
        number = (self._extreme() + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)
        struct.pack_into(f">{code}", batch, at, number)
        return self._sealed(bytes(batch), self._told(batch, records), len(records))

    def _flip(self, records: list[Crafted], whole: list[bytes]) -> Mutated:
        """A few bytes, anywhere behind what the broker itself writes before them."""
        batch = bytearray(craft(whole, first_timestamp=TIME))
        starts = [HEADER.size]
        for one in whole:
            starts.append(starts[-1] + len(one))
        safe = self._all(records)
        for _ in range(self.chance.choice([1, 1, 1, 2, 5])):
            at = self.chance.randrange(12, len(batch))
            batch[at] ^= self.chance.randrange(1, 256)
            if at < HEADER.size:
                continue
            hit = max(number for number, start in enumerate(starts) if start <= at)
            framed = at >= starts[hit] + len(varint(starts[hit + 1] - starts[hit] - 1))
            safe &= (self._all(records) if framed else frozenset(range(hit))) - {hit}
        fields = HEADER.unpack_from(batch)
        if (fields[6], fields[12]) != (len(records) - 1, len(records)):
            # Not full: an offset that was hit may be another that is free, and takes up the room.
            safe = frozenset(range(min(self._all(records) - safe, default=len(records))))
        return self._sealed(bytes(batch), safe & self._told(batch, records), len(records))

    def _all(self, records: list[Crafted]) -> frozenset[int]:
        return frozenset(range(len(records)))

    def _told(self, batch: bytearray, records: list[Crafted]) -> frozenset[int]:
        """The records that this header speaks of; none where it makes the batch another thing."""
        fields = HEADER.unpack_from(batch)
        magic, attributes, last, count = fields[3], fields[5], fields[6], fields[12]
        if magic != 2 or attributes & 0x27 or not 0 <= count <= last + 1:
            return frozenset()
        return frozenset(range(min(count, len(records))))

    def _sealed(self, batch: bytes, safe: frozenset[int], count: int) -> Mutated:
        fields = HEADER.unpack_from(batch)
        if self.chance.random() < 0.05:  # it broke after it was written
            broken = bytearray(batch)
            broken[17] ^= 0xFF
            return Mutated(bytes(broken), frozenset(), count)
        placed = fields[3] == 2 and fields[6] >= 0
        last = fields[6] if placed else count - 1
        full = placed and not fields[5] & 0x27 and fields[12] == last + 1
        return Mutated(sealed(bytearray(batch)), safe, last + 1, placed, full)


def at_offset(batch: bytes, base: int) -> bytes:
    """The batch where a broker appends it; its checksum does not cover that."""
    return BASE.pack(base) + batch[BASE.size :]


def fold_mutations(source: Source, count: int) -> Iterator[tuple[int, Partition]]:
    """Mutate, read and fold; yields after every thousand, when the state has been saved."""
    partition = Partition(MADE)
    before, after = source.neighbours(), source.neighbours()
    raw_before, raw_after = craft(before, first_timestamp=TIME), craft(after, first_timestamp=TIME)
    for number in range(1, count + 1):
        records, mutated = source.mutated()
        start = partition.position
        middle, behind = start + 2, start + 2 + mutated.size
        log = Log(
            at_offset(raw_before, start),
            at_offset(mutated.raw, middle),
            at_offset(raw_after, behind),
        )
        read = log.read(start, behind + 2)
        check(read[:2], before, start, frozenset({0, 1}))
        check(read[-2:], after, behind, frozenset({0, 1}))
        check(read[2:-2], records, middle, mutated.safe)
        check_offsets(read[2:-2], middle, mutated)
        if mutated.placed and number % 4 == 0:  # as after a restart in the midst of it
            begin = min(start + source.chance.randrange(4 + len(records)), behind)
            assert log.read(begin, behind + 2) == [one for one in read if one.offset >= begin]
        partition.fold(read)
        assert partition.position == behind + 2
        if number % ROUND == 0:
            partition = saved(partition)
            yield number, partition


def check(read: list[Unpacked], due: list[Crafted], base: int, safe: frozenset[int]) -> None:
    """Those that nobody touched are there, each with its own offset and value."""
    there = {record.offset: record for record in read}
    for at in safe:
        record = there[base + at]
        assert record.value == due[at].value
        assert type(record.value) is not Unreadable
        assert record.key == due[at].key


def check_offsets(read: list[Unpacked], base: int, mutated: Mutated) -> None:
    """They rise within the batch; and where there is one for each, none has gone without a word."""
    offsets = [record.offset for record in read]
    assert all(one < other for one, other in pairwise(offsets))
    assert all(base <= offset < base + mutated.size for offset in offsets)
    if mutated.full and len(read) < mutated.size:
        assert offsets == list(range(base, base + len(read)))
        assert isinstance(read[-1].value, Unreadable)  # the others are in it


def saved(partition: Partition) -> Partition:
    """The partition as it is read back from its own snapshot; no smaller and no other."""
    taken = snapshot.take(partition, 0, TOPIC_ID)
    history = snapshot.take_history(partition, 0, TOPIC_ID)
    (read,) = snapshot.read(snapshot.write(taken), 0, MADE)
    (kept,) = snapshot.read(snapshot.write(history), 0, MADE)
    again = read.restore(MADE)
    again.take_up(kept.history(MADE))
    assert snapshot.take(again, 0, TOPIC_ID).sha256 == taken.sha256
    assert snapshot.take_history(again, 0, TOPIC_ID).sha256 == history.sha256
    assert again.position == partition.position
    partition.view()
    return again


@pytest.mark.parametrize("seed", range(3))
def test_mutations_of_batches_lose_no_neighbour(seed: int) -> None:
    rounds = list(fold_mutations(Source(seed), 1000))
    assert rounds
    for _, partition in rounds:
        assert partition.statistics.n > 4 * 1000  # the honest ones, at least


@pytest.mark.slow(seconds=60)
def test_a_hundred_thousand_mutations_of_batches_lose_no_neighbour() -> None:
    """What so many do not find is for `make fuzz`, which is guided by the code's branches."""
    began = perf_counter()
    rounds = [number for number, _ in fold_mutations(Source(2026), 100_000)]
    assert rounds[-1] == 100_000
    print(f"{perf_counter() - began:.0f} s")  # noqa: T201 - pytest -s shows it
