"""What a record means by its id: an event or its repeat, a label, or a fault of its sender.

An id's event waits as its row until its label comes, which makes it a labelled event at the label's
place in the log. How long is told by the *partition time*, the highest record timestamp so far
(Kafka Streams calls it stream time): so the log alone decides what becomes of a record, and it is
the same whenever, and however often, the log is read.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import inf, isnan

import msgspec

from consumer.decode import UNLABELLED, Decoded, Identified, Label, Record, Rejected, Row
from consumer.decode.mapping import Mapping
from consumer.model.folding import TOO_MANY_GAPS
from consumer.model.late.ledger import Ledger, Status
from consumer.model.late.segment import ID_BYTES
from contract.messages import Outcome, Reason

CONFLICTING_EVENT = Rejected(Reason.CONFLICTING_EVENT, "another event had the same id before")
CONFLICTING_LABEL = Rejected(Reason.CONFLICTING_LABEL, "its event has another label already")
ORPHAN_LABEL = Rejected(Reason.ORPHAN_LABEL, "no event with this id is known in its partition")
LATE_LABEL = Rejected(Reason.LATE_LABEL, "its event waited no more when it came")

Admits = Callable[[Sequence[float]], bool]


class Labelled(msgspec.Struct, frozen=True, gc=False):
    """An event that has got its label.

    Attributes:
        row: Its numbers, the target's among them.
        slot: Its entry in the ledger, if it has waited.
        prediction: What was predicted of it at its own place; NaN if nothing was, or not yet.
    """

    row: Row
    slot: int | None
    prediction: float


@dataclass(frozen=True, slots=True)
class Expired:
    """An event that waits no more, though its label has not come.

    Attributes:
        labelled: The event with the label that its absence counts as; None: it is unlabelled.
        in_time: Whether its label might still have come, and too many others waited.
    """

    labelled: Labelled | None
    in_time: bool


class Waits(msgspec.Struct, frozen=True, gc=False):
    """An event whose label may come.

    Attributes:
        slot: Its entry in the ledger.
        row: Its numbers; NaN for the target.
    """

    slot: int
    row: Row


Taken = Labelled | Waits | Outcome | Rejected


class Join:
    """Joins labels to the events that wait for them, and knows events that come again.

    Args:
        mapping: Of a model file that tells events apart.
        ledger: What is remembered of ids.
        admits: Whether a labelled row can be kept.
    """

    def __init__(self, mapping: Mapping, ledger: Ledger, admits: Admits) -> None:
        tables = mapping.model.tables
        self.ledger = ledger
        self._admits = admits
        self._labels = mapping.labels
        self._absent = None if tables.label is None else tables.label.absent
        self._waits_ms = 0 if tables.label is None else tables.label.within_ms
        self._limit = 0 if tables.event is None else tables.event.limit
        self._window_ms, self._memory_ms = tables.window_ms, tables.memory_ms
        self._due_ms = -inf  # until then every event that waits may wait on
        self._digits = struct.Struct(f"<{len(mapping.model.design.fields)}d").pack

    def advance(self, record: Record, decoded: Decoded) -> bool:
        """Come to this record, the next; the timestamp of what cannot be unpacked is not believed.

        Returns:
            Whether events may wait no more: then :meth:`expired` is to be exhausted.
        """
        ledger, at = self.ledger, record.timestamp
        now = ledger.time_ms
        if at > now and not (type(decoded) is Rejected and decoded.reason is Reason.UNREADABLE):
            now = at
        ledger.advance(record.offset, now)
        return now > self._due_ms or ledger.waiting > self._limit

    def expired(self) -> Iterator[Expired]:
        """Those that wait no more at this record, the oldest first."""
        ledger = self.ledger
        now = ledger.time_ms
        while now > self._due_ms or ledger.waiting > self._limit:
            self._due_ms = ledger.oldest_ms + self._waits_ms
            is_due = now > self._due_ms
            slot = ledger.oldest_waiting()
            if slot is None or not (is_due or ledger.waiting > self._limit):
                break
            yield self._expire(slot, in_time=not is_due)

    def take(self, record: Record, decoded: Decoded) -> Taken:
        """What the record is, once it is come to and nothing more expires there.

        Returns:
            A labelled event, one that waits, the outcome of a record that is neither, or why it is
            refused.
        """
        ledger = self.ledger
        ledger.forget(ledger.time_ms - self._memory_ms)
        kind = type(decoded)
        if kind is Identified:
            return self._event(record.offset, decoded.id, decoded.row)  # type: ignore[union-attr]
        if kind is Label:
            return self._label(record.offset, decoded.id, decoded.value)  # type: ignore[union-attr]
        if kind is Rejected:
            return decoded  # type: ignore[return-value]
        return Outcome.UNLABELLED if decoded is UNLABELLED else Outcome.SKIPPED

    def take_up(self, ledger: Ledger) -> None:
        """Go on with another ledger."""
        self.ledger = ledger
        self._due_ms = -inf

    def rows(self, record: Record, decoded: Decoded) -> Iterator[Row]:
        """The rows that are labelled at this record's place, in their order."""
        if self.advance(record, decoded):
            for it in self.expired():
                if it.labelled is not None:
                    yield it.labelled.row
        taken = self.take(record, decoded)
        if isinstance(taken, Labelled):
            yield taken.row

    def _expire(self, slot: int, *, in_time: bool) -> Expired:
        ledger = self.ledger
        row, prediction = ledger.row(slot), ledger.entry(slot).prediction
        ledger.settle(slot, Status.EXPIRED, ledger.position - 1)
        if self._absent is None:
            return Expired(None, in_time)
        completed = self._completed(row, self._absent)
        if type(completed) is Rejected:  # a function of the target is undefined for this event
            return Expired(None, in_time)
        return Expired(Labelled(completed, slot, prediction), in_time)  # type: ignore[arg-type]

    def _event(self, offset: int, name: str, row: Row | None) -> Taken:
        ledger, labels = self.ledger, self._labels
        now, id_ = ledger.time_ms, _digest(name)
        payload = 0 if row is None else self._payload(row)
        if (slot := ledger.find(id_)) is not None:
            known = ledger.entry(slot)
            if now - known.time_ms <= self._window_ms:
                return Outcome.REPEATED if known.payload == payload else CONFLICTING_EVENT
        waits = row is not None and labels is not None and isnan(row[labels.at])
        if row is not None and not waits and not self._admits(row):
            return TOO_MANY_GAPS
        slot = ledger.add(id_, offset, now, payload, None if labels is None else row)
        if row is None:
            return Outcome.UNLABELLED
        if waits:
            self._due_ms = min(self._due_ms, now + self._waits_ms)
            return Waits(slot, row)
        if labels is not None:  # it has its own label: what comes later repeats that, or not
            ledger.settle(slot, Status.MATCHED, offset, _bits(row[labels.at]))
        return Labelled(row, None, 0.0)

    def _label(self, offset: int, name: str, value: float) -> Taken:
        ledger = self.ledger
        slot = ledger.find(_digest(name))
        if slot is None:
            return ORPHAN_LABEL
        known = ledger.entry(slot)
        if ledger.time_ms - known.time_ms > self._memory_ms or known.status is Status.SEEN:
            return ORPHAN_LABEL
        if known.status is Status.EXPIRED:
            return LATE_LABEL
        bits = _bits(value)
        if known.status is Status.MATCHED:
            return Outcome.REPEATED if known.label == bits else CONFLICTING_LABEL
        row = self._completed(ledger.row(slot), value)
        if type(row) is Rejected:
            return row
        ledger.settle(slot, Status.MATCHED, offset, bits)
        return Labelled(row, slot, known.prediction)  # type: ignore[arg-type]

    def _completed(self, row: Row, target: float) -> Row | Rejected:
        if self._labels is None:
            raise ValueError("without labels nothing waits")
        completed = self._labels.completed(row, target)
        if type(completed) is Rejected or self._admits(completed):  # type: ignore[arg-type]
            return completed
        return TOO_MANY_GAPS

    def _payload(self, row: Row) -> int:
        """A digest of what the model reads of an event."""
        digest = _OF_ROWS.copy()  # faster than another with these parameters
        digest.update(self._digits(*row))
        number: int = _unsigned(digest.digest())[0]
        return number


_OF_IDS, _OF_ROWS = blake2b(digest_size=ID_BYTES), blake2b(digest_size=8)
_unsigned = struct.Struct("<Q").unpack
_double = struct.Struct("<d").pack


def _digest(id_: str) -> bytes:
    digest = _OF_IDS.copy()
    digest.update(id_.encode())
    return digest.digest()


def _bits(value: float) -> int:
    """What tells a label's value from others: its 64 bits; of both zeros the same."""
    bits: int = _unsigned(_double(value + 0.0))[0]
    return bits
