"""What is remembered of ids."""

import math

import pytest

from consumer.model.late.ledger import Entry, Ledger, Status

ID, OTHER = b"a" * 16, b"b" * 16


def ledger_with_one_that_waits() -> tuple[Ledger, int]:
    ledger = Ledger(2)
    ledger.advance(5, 1000)
    return ledger, ledger.add(ID, 5, 1000, 2**64 - 1, (1.5, math.inf))


def test_an_event_waits_as_its_row() -> None:
    ledger, slot = ledger_with_one_that_waits()
    assert ledger.find(ID) == slot == ledger.oldest_waiting()
    assert ledger.row(slot) == (1.5, math.inf)
    entry = ledger.entry(slot)
    assert (entry.offset, entry.time_ms, entry.payload) == (5, 1000, 2**64 - 1)
    assert entry.status is Status.WAITING
    assert math.isnan(entry.prediction)
    assert ledger.waiting == 1


def test_an_event_with_its_label_never_waits() -> None:
    ledger = Ledger(2)
    slot = ledger.add(ID, 5, 1000, 1, None)
    assert ledger.entry(slot).status is Status.SEEN
    assert ledger.oldest_waiting() is None
    assert ledger.waiting == 0


def test_a_match_keeps_the_digest_of_the_label_and_no_prediction() -> None:
    ledger, slot = ledger_with_one_that_waits()
    ledger.predict(slot, 2.5)
    assert ledger.entry(slot).prediction == 2.5
    ledger.settle(slot, Status.MATCHED, 9, 77)
    assert repr(ledger.entry(slot)) == repr(Entry(5, 1000, 2**64 - 1, Status.MATCHED, 77, math.nan))
    assert ledger.waiting == 0


def test_only_what_waits_is_settled() -> None:
    ledger, slot = ledger_with_one_that_waits()
    ledger.settle(slot, Status.EXPIRED, 9)
    with pytest.raises(ValueError, match="waits"):
        ledger.settle(slot, Status.MATCHED, 10, 1)


def test_the_one_that_has_waited_longest_expires_first() -> None:
    ledger, _ = ledger_with_one_that_waits()
    newer = ledger.add(OTHER, 6, 1000, 1, (0.0, 0.0))
    with pytest.raises(ValueError, match="longest"):
        ledger.settle(newer, Status.EXPIRED, 7)


def test_an_id_that_comes_again_after_its_time_is_a_new_entry() -> None:
    ledger = Ledger(2)
    ledger.add(ID, 5, 1000, 1, None)
    again = ledger.add(ID, 6, 9000, 2, None)
    assert ledger.find(ID) == again
    ledger.forget(9000)
    assert ledger.find(ID) == again
