"""A ledger that is taken up from its segments and reads on is the one that was never stopped."""

import math
from hashlib import blake2b
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.model.late.ledger import Ledger, Status
from consumer.model.late.sealed import Sealed

K = 2
WITHIN_MS, REMEMBERED_MS = 4000, 8000
Call = tuple[int, int, str, int]

calls = st.lists(
    st.tuples(
        st.integers(1, 2500),  # how far the next offset is: some are beyond a segment's end
        st.integers(0, 700),
        st.sampled_from(["waits", "seen", "label", "label", "predict", "nothing"]),
        st.integers(0, 12),
    ),
    min_size=1,
    max_size=60,
)


def digest(name: int) -> bytes:
    return blake2b(bytes([name]), digest_size=16).digest()


def fold(ledger: Ledger, log: list[Call], begin: int = 0, *, reading_again: bool = False) -> None:
    """What a fold would do at each call at an offset from ``begin`` on."""
    offset = now = 0
    for skipped, passed, what, name in log:
        offset, now = offset + skipped, now + passed
        if offset < begin:
            continue
        ledger.advance(offset, now)
        while now - ledger.oldest_ms > WITHIN_MS:
            oldest = ledger.oldest_waiting()
            assert oldest is not None
            ledger.settle(oldest, Status.EXPIRED, offset)
        ledger.forget(now - REMEMBERED_MS)
        slot = ledger.find(digest(name))
        known = None if slot is None else ledger.entry(slot)
        if known is not None and known.time_ms < now - REMEMBERED_MS:
            slot = known = None
        waits = known is not None and known.status is Status.WAITING
        if what in ("waits", "seen") and known is None:
            row = (float(offset), float(name)) if what == "waits" else None
            ledger.add(digest(name), offset, now, 7 * offset, row)
        elif what == "label" and waits and slot is not None:
            ledger.settle(slot, Status.MATCHED, offset, 2**64 - 1 - offset)
        elif what == "predict" and waits and slot is not None and not reading_again:
            ledger.predict(slot, offset / 8)


def content(ledger: Ledger, now: int) -> list[Any]:
    """All that must be known of it."""
    found: list[Any] = [ledger.waiting, ledger.oldest_waiting(), ledger.position, ledger.time_ms]
    for name in range(13):
        slot = ledger.find(digest(name))
        if slot is not None and ledger.entry(slot).time_ms >= now - REMEMBERED_MS:
            entry = ledger.entry(slot)
            row = ledger.row(slot) if entry.status is Status.WAITING else ()
            found.append((name, slot, repr(entry), row))
    return found


def through_json(sealed: Sealed) -> Sealed:
    return Sealed.from_state(orjson.loads(orjson.dumps(sealed.state)))


@settings(max_examples=60, deadline=None)
@given(log=calls, data=st.data())
def test_from_any_prefix_of_the_chain_and_the_log_after_it(
    log: list[Call], data: st.DataObject
) -> None:
    ledger, chain = Ledger(K), list[Sealed]()
    for end in range(len(log)):
        whole = sum(skipped for skipped, *_ in log[:end])
        fold(ledger, log[: end + 1], whole + 1)
        chain += ledger.take_sealed()
    assert [one.end for one in chain[:-1]] == [one.begin for one in chain[1:]]
    if not chain:
        return
    last = data.draw(st.integers(0, len(chain) - 1))
    needed = [it for it in map(through_json, chain[: last + 1]) if it.begin >= chain[last].begins]
    again = Ledger.restored(K, needed)
    fold(again, log, chain[last].end, reading_again=True)
    again.read_again(map(through_json, chain[last + 1 :]))
    for slot, value in zip(*ledger.predictions(), strict=True):
        again.predict_again(slot, value)
    assert content(again, ledger.time_ms) == content(ledger, ledger.time_ms)


@settings(max_examples=30, deadline=None)
@given(log=calls)
def test_who_reads_on_seals_the_same_segments(log: list[Call]) -> None:
    ledger = Ledger(K)
    fold(ledger, log)
    chain = ledger.take_sealed()
    if len(chain) < 2:
        return
    middle = len(chain) // 2
    needed = [it for it in chain[:middle] if it.begin >= chain[middle - 1].begins]
    again = Ledger.restored(K, needed)
    fold(again, log, needed[-1].end)  # predictions follow from the log alone here
    assert [it.state for it in again.take_sealed()] == [it.state for it in chain[middle:]]


def test_a_chain_with_a_gap_is_refused() -> None:
    ledger = Ledger(K)
    for offset in range(3):
        ledger.advance(offset * 5000, offset)
        ledger.add(digest(offset), offset * 5000, offset, 1, (1.0, math.pi))
    ledger.advance(20_000, 9)
    first, _, third = ledger.take_sealed()
    with pytest.raises(ValueError, match="go on"):
        Ledger.restored(K, [first, third])
