"""A segment as of the end of its range, as it is saved; it never changes again."""

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isnan
from typing import Any, Self

import numpy as np

from consumer.model.late.changes import Changes
from consumer.model.late.entry import Status
from consumer.model.late.segment import Segment
from consumer.model.packed import pack, unpack


@dataclass(frozen=True, slots=True)
class Sealed:
    """A segment, and what the records of its range changed of earlier ones.

    Attributes:
        begin: The offset that its range begins at.
        end: The offset after its range, where the next segment begins.
        begins: The offset that the oldest segment begins at which was remembered at its end.
        time_ms: The partition's time at its end.
        state: The whole, in types that JSON keeps exactly.
    """

    begin: int
    end: int
    begins: int
    time_ms: int
    state: Mapping[str, Any]

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Restore from ``state``.

        Raises:
            KeyError: A part of it is missing.
            ValueError: It is not the state of a segment.
        """
        numbers = [state[name] for name in ("from", "to", "begins", "time_ms")]
        if not all(type(number) is int for number in numbers):
            raise ValueError("a bound of the segment is not a number")
        begin, end, begins, time_ms = numbers
        if not 0 <= begins <= begin < end:
            raise ValueError("the bounds of the segment are not in order")
        return cls(begin, end, begins, time_ms, state)

    @property
    def expired_to(self) -> int:
        """All that waited in slots before this one have expired."""
        return int(self.state["expired_to"])

    @property
    def is_first(self) -> bool:
        """Whether nothing was ever entered before it."""
        return self.begin == self.begins and self.state["entries"]["first"] == 0

    def segment(self, k: int) -> Segment:
        """The entries of its range, as of its end."""
        return Segment.from_state(k, self.begin, self.state["entries"])

    def changes(self) -> Changes:
        """What was changed of earlier entries."""
        packed = self.state["changes"]
        made = Changes(
            array("q", unpack(packed["matched"], np.int64).tobytes()),
            array("Q", unpack(packed["labels"], np.uint64).tobytes()),
            array("q", unpack(packed["predicted"], np.int64).tobytes()),
            array("d", unpack(packed["predictions"], float).tobytes()),
        )
        if len(made.matched) != len(made.labels) or len(made.predicted) != len(made.predictions):
            raise ValueError("the changes of a segment do not fit together")
        return made

    def predictions(self, k: int) -> Iterator[tuple[int, float]]:
        """The slots, and the predictions there, that were made in its range and waited at its end.

        Args:
            k: How many numbers a row has.
        """
        segment, changes = self.segment(k), self.changes()
        yield from zip(changes.predicted, changes.predictions, strict=True)
        for at in range(len(segment)):
            if not isnan(value := segment.prediction(at)):
                yield segment.first + at, value


def seal(
    segment: Segment, changes: Changes, expired_to: int, *, end: int, begins: int, time_ms: int
) -> Sealed:
    """The segment as of now, which is the end of its range."""
    state = {
        "from": segment.begin,
        "to": end,
        "begins": begins,
        "time_ms": time_ms,
        "expired_to": expired_to,
        "entries": segment.to_state(),
        "changes": {
            "matched": pack(np.array(changes.matched)),
            "labels": pack(np.array(changes.labels)),
            "predicted": pack(np.array(changes.predicted)),
            "predictions": pack(np.array(changes.predictions)),
        },
    }
    return Sealed(segment.begin, end, begins, time_ms, state)


def taken_up(k: int, chain: Sequence[Sealed]) -> list[Segment]:
    """The segments of a chain as of its end: what each changed of those before it, is changed.

    Raises:
        KeyError: A part of a segment is missing.
        ValueError: The segments do not fit together.
    """
    segments: list[Segment] = []
    firsts: list[int] = []
    for sealed in chain:
        changes = sealed.changes()
        oldest = firsts[0] if firsts else inf  # what changed before it is forgotten
        for slot, label in zip(changes.matched, changes.labels, strict=True):
            if slot >= oldest:
                segment = segments[bisect_right(firsts, slot) - 1]
                segment.settle(slot - segment.first, Status.MATCHED, label)
        for slot, value in zip(changes.predicted, changes.predictions, strict=True):
            if slot >= oldest:
                segment = segments[bisect_right(firsts, slot) - 1]
                segment.predict(slot - segment.first, value)
        for segment in segments:
            if segment.waiting and segment.first < sealed.expired_to:
                segment.expire(sealed.expired_to - segment.first)
        segment = sealed.segment(k)
        if segments and segment.first != segments[-1].first + len(segments[-1]):
            raise ValueError("a segment does not go on where the one before it ends")
        segments.append(segment)
        firsts.append(segment.first)
    return segments
