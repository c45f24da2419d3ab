"""What is remembered of ids: which events of a partition wait for a label, and which were seen."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum


class Status(IntEnum):
    """What became of an event."""

    SEEN = 0
    """It never waited."""
    WAITING = 1
    MATCHED = 2
    EXPIRED = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """What is remembered of an event.

    Attributes:
        offset: Its place in the log.
        time_ms: The partition's time at that place, milliseconds since the epoch.
        payload: A digest of its content, 64 bits, unsigned.
        status: What became of it.
        label: A digest of its label's value, 64 bits, unsigned; 0 before.
        prediction: What the model said at the event's place; NaN before, and once it is settled.
    """

    offset: int
    time_ms: int
    payload: int
    status: Status
    label: int
    prediction: float


class Ledger:
    """What is remembered of the ids in one partition; entries are made in the order of the log.

    Args:
        k: How many numbers a row has.

    Attributes:
        position: The offset of the next record.
        time_ms: The partition's time: the highest timestamp so far.
        waiting: How many entries wait.
    """

    def __init__(self, k: int) -> None:
        self.position = 0
        self.time_ms = 0
        self.waiting = 0
        self._k = k
        self._slots: dict[bytes, int] = {}
        self._entries: dict[int, Entry] = {}
        self._ids: dict[int, bytes] = {}
        self._rows: dict[int, tuple[float, ...]] = {}
        self._next = 0

    def advance(self, offset: int, time_ms: int) -> None:
        """Come to the record at this offset: what follows until the next call is its doing.

        Args:
            offset: Of the record; higher than that of the record before.
            time_ms: The partition's time with this record counted in; never lower than before.
        """
        self.position = offset + 1
        self.time_ms = time_ms

    def find(self, id_: bytes) -> int | None:
        """The slot of the newest entry with this id, unless it is forgotten."""
        return self._slots.get(id_)

    def entry(self, slot: int) -> Entry:
        """The entry in a slot."""
        return self._entries[slot]

    def row(self, slot: int) -> tuple[float, ...]:
        """The row of an entry that waits."""
        return self._rows[slot]

    def add(
        self, id_: bytes, offset: int, time_ms: int, payload: int, row: Sequence[float] | None
    ) -> int:
        """Enter an event: it waits as its row, or was only seen if that is None; its slot."""
        slot = self._next
        self._next += 1
        status = Status.SEEN if row is None else Status.WAITING
        self._entries[slot] = Entry(offset, time_ms, payload, status, 0, math.nan)
        self._slots[id_] = slot
        self._ids[slot] = id_
        if row is not None:
            self._rows[slot] = tuple(row)
            self.waiting += 1
        return slot

    def settle(self, slot: int, status: Status, offset: int, label: int = 0) -> None:
        """Note that an entry waits no more: the record at ``offset`` matched or expired it.

        Only the entry that has waited longest may expire.

        Raises:
            ValueError: It does not wait, or is to expire before an older one.
        """
        entry = self._entries[slot]
        if entry.status is not Status.WAITING or offset < entry.offset:
            raise ValueError("only an entry that waits can be settled")
        if status is Status.EXPIRED and slot != self.oldest_waiting():
            raise ValueError("the one that has waited longest expires first")
        self._entries[slot] = Entry(
            entry.offset, entry.time_ms, entry.payload, status, label, math.nan
        )
        del self._rows[slot]
        self.waiting -= 1

    def predict(self, slot: int, value: float) -> None:
        """Note what the model said of an entry that waits."""
        entry = self._entries[slot]
        self._entries[slot] = Entry(
            entry.offset, entry.time_ms, entry.payload, entry.status, entry.label, value
        )

    def oldest_waiting(self) -> int | None:
        """The slot of the entry that has waited longest."""
        return next(iter(self._rows), None)

    def forget(self, before_ms: int) -> None:
        """Entries of before this partition time need not be known any more; no promise when."""
        for slot, entry in list(self._entries.items()):
            if entry.time_ms >= before_ms or entry.status is Status.WAITING:
                break
            if self._slots.get(self._ids[slot]) == slot:
                del self._slots[self._ids[slot]]
            del self._entries[slot], self._ids[slot]
