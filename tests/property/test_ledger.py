"""The ledger of ids behaves as a plain dictionary does, whatever is asked of it in which order."""

import math
import struct
from hashlib import blake2b

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from consumer.model.late.ledger import Entry, Ledger, Status

K = 3
WITHIN_MS = 400
DIGESTS = st.integers(0, 2**64 - 1)
NUMBERS = st.floats(allow_nan=False, width=64)


def digest(name: int) -> bytes:
    return blake2b(struct.pack("<q", name), digest_size=16).digest()


class LedgerMachine(RuleBasedStateMachine):
    """Entries are kept twice: in the ledger, and by id in a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(K)
        self.slots: dict[bytes, int] = {}
        self.entries: dict[bytes, Entry] = {}
        self.rows: dict[bytes, tuple[float, ...]] = {}  # the oldest first
        self.offset, self.now = 7, 0

    def known(self, id_: bytes) -> bool:
        """Whether it must be known by time; what is forgotten late is not relied on."""
        return id_ in self.entries and self.entries[id_].time_ms >= self.now - WITHIN_MS

    @rule(skipped=st.integers(1, 3000), passed=st.integers(0, 300))
    def a_record_comes(self, skipped: int, passed: int) -> None:
        self.offset, self.now = self.offset + skipped, self.now + passed
        self.ledger.advance(self.offset, self.now)

    @rule(
        name=st.integers(0, 60),
        payload=DIGESTS,
        row=st.none() | st.tuples(*[NUMBERS] * K),
    )
    def an_event_comes(self, name: int, payload: int, row: tuple[float, ...] | None) -> None:
        self.a_record_comes(1, 1)
        id_ = digest(name)
        if self.known(id_) or id_ in self.rows:
            return
        self.slots[id_] = self.ledger.add(id_, self.offset, self.now, payload, row)
        status = Status.SEEN if row is None else Status.WAITING
        self.entries[id_] = Entry(self.offset, self.now, payload, status, 0, math.nan)
        if row is not None:
            self.rows[id_] = row

    @precondition(lambda self: self.rows)
    @rule(data=st.data(), label=DIGESTS)
    def a_label_comes(self, data: st.DataObject, label: int) -> None:
        id_ = data.draw(st.sampled_from(list(self.rows)))
        self.a_record_comes(1, 1)
        slot = self.ledger.find(id_)
        assert slot is not None
        assert self.ledger.row(slot) == self.rows.pop(id_)
        self.ledger.settle(slot, Status.MATCHED, self.offset, label)
        self.entries[id_] = replace(
            self.entries[id_], status=Status.MATCHED, label=label, prediction=math.nan
        )

    @precondition(lambda self: self.rows)
    @rule(data=st.data(), value=NUMBERS)
    def a_prediction_is_made(self, data: st.DataObject, value: float) -> None:
        id_ = data.draw(st.sampled_from(list(self.rows)))
        self.ledger.predict(self.slots[id_], value)
        self.entries[id_] = replace(self.entries[id_], prediction=value)

    @rule(passed=st.integers(0, 500))
    def time_passes(self, passed: int) -> None:
        self.a_record_comes(1, passed)
        while (oldest := self.ledger.oldest_waiting()) is not None:
            if self.ledger.entry(oldest).time_ms > self.now - WITHIN_MS // 2:
                break
            id_ = next(iter(self.rows))
            assert self.ledger.row(oldest) == self.rows.pop(id_)
            self.ledger.settle(oldest, Status.EXPIRED, self.offset)
            self.entries[id_] = replace(
                self.entries[id_], status=Status.EXPIRED, prediction=math.nan
            )
        self.ledger.forget(self.now - WITHIN_MS)

    @invariant()
    def it_knows_what_the_dictionary_knows(self) -> None:
        for id_, entry in self.entries.items():
            if self.known(id_):
                slot = self.ledger.find(id_)
                assert slot is not None
                assert repr(self.ledger.entry(slot)) == repr(entry)  # NaN is not itself

    @invariant()
    def it_counts_what_waits(self) -> None:
        assert self.ledger.waiting == len(self.rows)
        oldest = self.ledger.oldest_waiting()
        first = next(iter(self.rows), None)
        assert (oldest is None) == (first is None)
        if oldest is not None and first is not None:
            assert oldest == self.ledger.find(first)

    @rule(name=st.integers(1000, 1100))
    def what_never_came_is_not_found(self, name: int) -> None:
        assert self.ledger.find(digest(name)) is None


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=25, stateful_step_count=40, deadline=None)
