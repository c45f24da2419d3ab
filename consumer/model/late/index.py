"""Where the ids of a ledger are: open addressing in many small tables, each rebuilt by itself."""

from array import array
from collections.abc import Callable
from struct import Struct

import numpy as np
from numpy.typing import NDArray

SHARDS = 256
EMPTY, FREE = -1, 0
"""The slot and the tag of a place that is not taken."""
FULLEST, AFTER_REBUILD = 0.7, 0.45
"""The share of a table's places that are taken: at most, and when it has just been rebuilt. Probing
linearly, a search for what is not there looks at some 6 places at most (Knuth, TAOCP 3, 6.4)."""
SPARE = 32
"""Places beside: a small table is not rebuilt for each entry."""

_HEAD = Struct("<IB").unpack_from

Tags = NDArray[np.uint32]
Slots = NDArray[np.int64]


class Shard:
    """One table: the place of a tag is in proportion to it, or soon after.

    Attributes:
        tags: The first 32 bits of each id, 1 for 0; FREE where there is none.
        slots: Its slot, or EMPTY.
        home: How many places tags begin at; the others take what runs over at the end.
        room: How many entries may still come.
    """

    __slots__ = ("home", "room", "slots", "tags")

    def __init__(self, tags: Tags, slots: Slots) -> None:
        self.build(tags, slots)

    def build(self, tags: Tags, slots: Slots) -> None:
        """Hold these entries alone; of two with one tag the higher slot is found first.

        In the order of their homes each takes the first place that is free from there on.
        """
        self.home = int(len(tags) / AFTER_REBUILD) + SPARE
        order = np.lexsort((-slots, tags))
        tags, slots = tags[order], slots[order]
        steps = np.arange(len(tags))
        homes = (tags.astype(np.uint64) * np.uint64(self.home) >> np.uint64(32)).astype(np.int64)
        places = np.maximum.accumulate(homes - steps) + steps
        taken = int(places[-1]) + 1 if len(places) else 0
        size = max(self.home, taken) + SPARE
        all_tags, all_slots = np.zeros(size, np.uint32), np.full(size, EMPTY, np.int64)
        all_tags[places], all_slots[places] = tags, slots
        self.tags, self.slots = array("I", all_tags.tobytes()), array("q", all_slots.tobytes())
        self.room = int(self.home * FULLEST) - len(tags) + 1

    def rebuild(self, oldest: int) -> None:
        """Drop what is in slots before this one; make room."""
        slots = np.frombuffer(self.slots, np.int64)
        kept = slots >= oldest if oldest > 0 else slots != EMPTY
        tags = np.frombuffer(self.tags, np.uint32)[kept]
        self.build(tags, slots[kept])


class Index:
    """The slot of each id: the newest, if it stands in several.

    Args:
        has: Whether the entry in a slot has this id; asked where the first 32 bits agree.
        ids: Of entries there are, 16 bytes each, in the order of their slots.
        first: The slot of the first.
    """

    def __init__(
        self, has: Callable[[int, bytes], bool], ids: bytes | bytearray = b"", first: int = 0
    ) -> None:
        self._has = has
        self._oldest = 0
        content = np.frombuffer(ids, np.uint8).reshape(-1, 16)
        tags = np.maximum(np.ascontiguousarray(content[:, :4]).view("<u4").ravel(), 1)
        by_shard = np.argsort(content[:, 4], kind="stable")
        ends = np.cumsum(np.bincount(content[:, 4], minlength=SHARDS))
        self._shards = [
            Shard(tags[at], at + np.int64(first)) for at in np.split(by_shard, ends[:-1])
        ]
        self._sought = b"", self._shards[0], FREE, 0  # the id that was sought last, and where

    def find(self, id_: bytes) -> int | None:
        """The slot of this id, if it is not before the oldest."""
        tag, number = _HEAD(id_)
        tag = tag or 1
        shard = self._shards[number]
        tags = shard.tags
        at = tag * shard.home >> 32
        while (found := tags[at]) != FREE:
            if found == tag:
                slot: int = shard.slots[at]
                if slot >= self._oldest and self._has(slot, id_):
                    self._sought = id_, shard, tag, at
                    return slot
            at += 1
        self._sought = id_, shard, tag, at
        return None

    def put(self, id_: bytes, new: int) -> None:
        """Note the slot of an id, higher than any before; where it was just sought, if it was."""
        if self._sought[0] is not id_:
            self.find(id_)
        _, shard, tag, at = self._sought
        tags, slots = shard.tags, shard.slots
        if tags[at] == FREE:
            shard.room -= 1
        tags[at], slots[at] = tag, new
        if shard.room <= 0 or at == len(slots) - 1:
            shard.rebuild(self._oldest)
        self._sought = b"", shard, FREE, 0  # it may stand elsewhere now

    def drop_before(self, oldest: int) -> None:
        """What is in slots before this one is not found any more; its room is used again later."""
        self._oldest = oldest
