"""Dead letters as they are shown, and mended ones as they are read."""

import io

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from consumer.decode.event import Rejected
from consumer.learn.dead_letters import write_letter
from consumer.model.folding import RejectedRecord
from contract.messages import DEAD_LETTER_BYTES, KEPT_HEADERS_BYTES, MAX_MESSAGE_BYTES, Reason
from producer.letters import Letter, MendError, letters_table, read_mended
from producer.letters.show import NEWEST
from unit.records import Record

NOON = 1_780_000_000_000


def refused(value: bytes | None, *, offset: int = 7, key: bytes | None = None) -> Letter:
    """A letter as the service writes it."""
    why = Rejected(Reason.NOT_A_NUMBER, "tv: expected a number, got a string")
    record = Record(offset, value, NOON, key)
    written = write_letter("riverline", "mobile-events", 2, RejectedRecord(record, why))
    letter = Letter.of(written.key, written.value, written.headers)
    assert letter is not None
    return letter


def line(place: str, value: object) -> bytes:
    return orjson.dumps({"dead_letter": place, "value": value})


def shown(*letters: Letter, replayed: int = 0) -> str:
    console = Console(file=io.StringIO(), width=200, force_terminal=False)
    console.print(letters_table(letters, replayed))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert isinstance(text, str)
    return text


def test_a_letter_is_told_as_json_with_its_value_in_it() -> None:
    assert refused(b'{"tv":"50","sales":9}').document() == {
        "dead_letter": "mobile-events-2-7",
        "reason": "not-a-number",
        "detail": "tv: expected a number, got a string",
        "timestamp": "2026-05-28T20:26:40.000+00:00",
        "value": {"tv": "50", "sales": 9},
    }


def test_a_letter_has_the_events_headers_and_none_that_mean_something_to_us() -> None:
    headers = [("ce_type", b"sent"), ("riverline.request", b"forged"), ("empty", None)]
    record = Record(7, b"{", NOON, None, [*headers, ("large", b"x" * KEPT_HEADERS_BYTES), *headers])
    why = Rejected(Reason.BAD_JSON, "not JSON")
    written = write_letter("riverline", "mobile-events", 2, RejectedRecord(record, why))
    letter = Letter.of(written.key, written.value, written.headers)
    assert letter is not None
    assert letter.headers == (("ce_type", b"sent"), ("empty", b""))
    assert letter.reason == "bad-json"


@given(st.none() | st.binary(max_size=200), st.none() | st.binary(max_size=20))
def test_any_letter_can_be_told_and_shown(value: bytes | None, key: bytes | None) -> None:
    letter = refused(value, key=key)
    told = orjson.loads(orjson.dumps(letter.document()))
    assert told["dead_letter"] == letter.place
    assert letter.key == key
    assert "\x1b" not in shown(letter)


def test_a_value_that_is_cut_says_so() -> None:
    document = refused(b'{"tv": "' + b"x" * DEAD_LETTER_BYTES + b'"}').document()
    assert document["cut"] is True
    assert isinstance(document["value"], str)


def test_what_is_no_letter_is_none() -> None:
    assert Letter.of(b"k", b"v", [("other", b"")]) is None
    assert Letter.of(None, b"v", [("riverline.reason", b"bad-json")]) is None


def test_a_table_counts_by_reason_and_shows_no_markup_and_no_control_characters() -> None:
    text = shown(refused(b"[red]\x1b[2J"), refused(b"{}", offset=8), replayed=3)
    assert "not-a-number" in text
    assert "[red]" in text
    assert "2 wait, 3 were sent again" in text
    assert shown(replayed=3) == "0 wait, 3 were sent again\n"


def test_of_many_letters_all_are_counted_and_the_newest_shown() -> None:
    letters = [refused(b"%d" % number, offset=number) for number in range(NEWEST + 5)]
    text = shown(*letters[10:], *letters[:10])
    assert f" {NEWEST + 5} │ tv: expected" in text
    assert sum(f"mobile-events-2-{number} " in text for number in range(NEWEST + 5)) == NEWEST


def test_mended_lines_become_events_and_other_members_are_ignored() -> None:
    mended = refused(b'{"tv":"50"}').document() | {"value": {"tv": 50.5}}
    (found,) = read_mended([orjson.dumps(mended), b"\n"])
    assert (found.line, found.place) == (1, "mobile-events-2-7")
    assert found.value == b'{"tv":50.5}'


def test_every_fault_is_named_with_its_line() -> None:
    lines = [
        line("a-0-1", {"tv": 1}),
        b"no JSON\n",
        b"[]\n",
        line("a-0-2", "not mended"),
        line("a-0-1", {"tv": 2}),
        line("a-0-3", {"tv": "x" * MAX_MESSAGE_BYTES}),
    ]
    with pytest.raises(MendError) as error:
        read_mended(lines)
    told = str(error.value).splitlines()
    assert [it.partition(":")[0] for it in told] == [f"line {number}" for number in range(2, 7)]
    assert "a-0-1 stands in line 1, too" in told[3]
