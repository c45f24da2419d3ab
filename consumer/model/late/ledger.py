"""What is remembered of ids: which events of a partition wait for a label, and which were seen.

Entries stand in segments (``segment.py``), in the order of the log, and are found by their ids
(``index.py``). A segment ends at the next multiple of a number of offsets, so that the log alone
decides what is in it. Nothing takes longer the more is remembered: whole segments are forgotten,
and the index is rebuilt piece by piece.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from math import inf
from typing import Self

from consumer.model.late.changes import Changes
from consumer.model.late.entry import Entry, Status
from consumer.model.late.index import Index
from consumer.model.late.sealed import Sealed, seal, taken_up
from consumer.model.late.segment import ID_BYTES, Segment, length

__all__ = ["Entry", "Ledger", "Status"]


class Ledger:
    """What is remembered of the ids in one partition; entries are made in the order of the log.

    A slot is the number of an entry, counted from the partition's first.

    Args:
        k: How many numbers a row has.
        position: The offset of the first record.

    Attributes:
        position: The offset of the next record.
        time_ms: The partition's time: the highest timestamp so far.
        waiting: How many entries wait.
        sealed_begins: What ``begins`` was when the last segment was sealed; ``open_since`` before.
    """

    def __init__(self, k: int, position: int = 0) -> None:
        self.position = position
        self.time_ms = 0
        self.waiting = 0
        self.sealed_begins = position
        self._k = k
        self._length = length(k)
        self._segments = [Segment(k, position, 0)]
        self._firsts = [0]
        self._index = Index(self._has)
        self._next = 0
        self._sealed: list[Sealed] = []
        self._oldest_place = 0  # of the first segment in which one may wait
        self._begin_open(position)

    @classmethod
    def restored(cls, k: int, chain: Sequence[Sealed]) -> Self:
        """The ledger at the end of a chain of segments, each of which begins where the last ends.

        Args:
            k: How many numbers a row has.
            chain: Not empty; the oldest first, from the one on at which the last one ``begins``.

        Raises:
            KeyError: A part of a segment is missing.
            ValueError: The segments do not fit together.
        """
        last, made = chain[-1], cls(k, chain[-1].end)
        segments = taken_up(k, chain)
        made._next = segments[-1].first + len(segments[-1])
        made._segments = [*segments, Segment(k, last.end, made._next)]
        made._firsts = [segment.first for segment in made._segments]
        made.time_ms, made.sealed_begins = last.time_ms, last.begins
        made.waiting = sum(segment.waiting for segment in segments)
        ids = b"".join(segment.ids for segment in segments)
        made._index = Index(made._has, ids, made._firsts[0])
        return made

    def _begin_open(self, begin: int) -> None:
        self._end = (begin // self._length + 1) * self._length
        self._changes = Changes()
        self._expired_to = 0
        self._predicted = array("q")

    @property
    def open_since(self) -> int:
        """The offset that the segment begins at which is not sealed yet."""
        return self._segments[-1].begin

    @property
    def begins(self) -> int:
        """The offset that the oldest segment begins at which is not forgotten."""
        return self._segments[0].begin

    @property
    def oldest_ms(self) -> float:
        """When the entry came that has waited longest, in the partition's time; else infinity."""
        slot = self.oldest_waiting()
        if slot is None:
            return inf
        segment = self._segments[self._oldest_place]
        return segment.times[slot - segment.first]

    def predictions(self) -> tuple["array[int]", "array[float]"]:
        """The slots, and the predictions there, that were made since ``open_since`` and still wait.

        They depend on the model as it was, so that reading again does not bring them back.
        """
        slots, values = array("q"), array("d")
        for slot in filter(self.waits, self._predicted):
            slots.append(slot)
            values.append(self.entry(slot).prediction)
        return slots, values

    def predict_again(self, slot: int, value: float) -> None:
        """Note a prediction of :meth:`predictions`, after a restart."""
        self._predict(slot, value)
        self._predicted.append(slot)

    def read_again(self, sealed: Iterable[Sealed]) -> None:
        """Take up the predictions of segments whose ranges were read from the log once more."""
        for one in sealed:
            for slot, value in one.predictions(self._k):
                self._predict(slot, value)

    def _predict(self, slot: int, value: float) -> None:
        """Note a prediction, if the entry is known and waits."""
        if self.waits(slot):
            segment = self._segment(slot)
            segment.predict(slot - segment.first, value)

    def take_sealed(self) -> list[Sealed]:
        """The segments that were sealed since the last call.

        Those that are forgotten too: a history may have to be read on from where they counted.
        """
        taken, self._sealed = self._sealed, []
        return taken

    def advance(self, offset: int, time_ms: int) -> None:
        """Come to the record at this offset: what follows until the next call is its doing.

        Args:
            offset: Of the record; higher than that of the record before.
            time_ms: The partition's time with this record counted in; never lower than before.
        """
        if offset >= self._end:
            self._seal(offset // self._length * self._length)
        self.position = offset + 1
        self.time_ms = time_ms

    def _seal(self, end: int) -> None:
        """Seal the open segment, and open the next at this offset."""
        begins, now = self.begins, self.time_ms
        last, changes = self._segments[-1], self._changes
        for slot, value in zip(*self.predictions(), strict=True):
            if slot < last.first:
                changes.predicted.append(slot)
                changes.predictions.append(value)
        sealed = seal(last, changes, self._expired_to, end=end, begins=begins, time_ms=now)
        self._sealed.append(sealed)
        self.sealed_begins = begins
        self._segments.append(Segment(self._k, end, self._next))
        self._firsts.append(self._next)
        self._begin_open(end)

    def find(self, id_: bytes) -> int | None:
        """The slot of the newest entry with this id, unless it is forgotten."""
        return self._index.find(id_)

    def entry(self, slot: int) -> Entry:
        """The entry in a slot."""
        return (segment := self._segment(slot)).entry(slot - segment.first)

    def waits(self, slot: int) -> bool:
        """Whether the entry in a slot waits; one that is forgotten does not."""
        return (segment := self._segment(slot)).waits(slot - segment.first)

    def row(self, slot: int) -> tuple[float, ...]:
        """The row of an entry that waits."""
        return (segment := self._segment(slot)).row(slot - segment.first)

    def add(
        self, id_: bytes, offset: int, time_ms: int, payload: int, row: Sequence[float] | None
    ) -> int:
        """Enter an event: it waits as its row, or was only seen if that is None; its slot."""
        slot = self._next
        self._segments[-1].add(id_, offset, time_ms, payload, row)
        self._next = slot + 1
        self._index.put(id_, slot)
        if row is not None:
            self.waiting += 1
        return slot

    def settle(self, slot: int, status: Status, offset: int, label: int = 0) -> None:
        """Note that an entry waits no more: the record at ``offset`` matched or expired it.

        Only the entry that has waited longest may expire.

        Raises:
            ValueError: It does not wait, or is to expire before an older one.
        """
        segment = self._segment(slot)
        at = slot - segment.first
        if segment.status[at] != Status.WAITING or offset < segment.begin + segment.offsets[at]:
            raise ValueError("only an entry that waits can be settled")
        if status is Status.EXPIRED:
            if slot != self.oldest_waiting():
                raise ValueError("the one that has waited longest expires first")
            self._expired_to = slot + 1
        elif segment is not self._segments[-1]:
            self._changes.matched.append(slot)
            self._changes.labels.append(label)
        segment.settle(at, status, label)
        self.waiting -= 1

    def predict(self, slot: int, value: float) -> None:
        """Note what the model said of an entry that waits."""
        segment = self._segment(slot)
        segment.predict(slot - segment.first, value)
        self._predicted.append(slot)

    def oldest_waiting(self) -> int | None:
        """The slot of the entry that has waited longest."""
        if not self.waiting:
            return None
        segments, place = self._segments, self._oldest_place
        while not segments[place].waiting:
            place += 1
        self._oldest_place = place
        return segments[place].first + segments[place].oldest_waiting()

    def forget(self, before_ms: int) -> None:
        """Entries of before this partition time need not be known any more; no promise when."""
        segments = self._segments
        if len(segments) == 1 or segments[0].waiting:
            return
        if (times := segments[0].times) and times[-1] >= before_ms:
            return
        del segments[0], self._firsts[0]
        self._oldest_place = max(0, self._oldest_place - 1)
        self._index.drop_before(segments[0].first)

    def _segment(self, slot: int) -> Segment:
        return self._segments[bisect_right(self._firsts, slot) - 1]

    def _has(self, slot: int, id_: bytes) -> bool:
        segment = self._segment(slot)
        begin = (slot - segment.first) * ID_BYTES
        return segment.ids[begin : begin + ID_BYTES] == id_
