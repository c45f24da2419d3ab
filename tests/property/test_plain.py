"""The fast way takes no event that orjson would not take, and none otherwise than orjson would."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from consumer.decode.event import EventDecoder
from consumer.decode.plain import plain_reader
from contract.messages import VALUE_LIMIT
from property.test_event import anything, damage, near_valid, odd_values
from unit.records import FIELDS

read = plain_reader(FIELDS, "sales")

START = b'{"tv": 1, "radio": 2.5, "newspaper": -0.0, "sales": 4'


def by_orjson(value: bytes | None) -> str:
    """The row that orjson and plain comparisons give, or one word."""
    try:
        document = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return "refused"
    if not isinstance(document, dict):
        return "refused"
    row: list[Any] = [document.get(name) for name in FIELDS]
    numbers = row[:3] if row[3] is None else row
    for number in numbers:
        if type(number) not in (int, float) or not -VALUE_LIMIT <= number <= VALUE_LIMIT:
            return "refused"
    return repr(tuple(None if number is None else float(number) for number in row))


@st.composite
def with_others(draw: st.DrawFn) -> bytes:
    """A good event with other members, of which one may be damaged."""
    members = draw(st.lists(st.tuples(st.text(max_size=3), odd_values), max_size=3))
    more = "".join(f", {json.dumps(name)}: {value}" for name, value in members)
    value = bytearray(more.encode() + b"}")
    if draw(st.booleans()):
        damage(draw, value)
    return START + value


def agrees(value: bytes | None) -> None:
    taken = read(value)
    assert taken is None or repr(taken) == by_orjson(value)


@settings(deadline=None, max_examples=1000)
@given(anything)
@example(START + b', "x": "\xff"}')
@example(START + b', "\xff": 1}')
@example(START + b', "x": "\xed\xa0\x80"}')
@example(START + b', "x": "\xc0\x80"}')
@example(START + b', "x": "\\ud800"}')
@example(START + b', "x": 1e400}')
@example(START + b', "x": [{"y": -1E+0400}]}')
@example(START + b', "x": ' + b"9" * 310 + b"}")
@example(START + b', "x": ' + b"9" * 250 + b"e99}")
@example(START + b', "x": ' + b"9" * 210 + b"e99}")
@example(START + b', "sales": 1e400}')
@example(START + b', "sales": 1e400, "sales": 1}')
@example(START + b', "sales": "4"}')
@example(START + b', "sales": "4", "sales": 5}')
@example(START + b', "sales": 4, "sales": null}')
@example(START + b', "\\u0074v": 9}')
@example(START + b', "x": "\x00"}')
@example(START + b', "x": 1e-400}')
@example(START + b', "x": 01}')
@example(b"\xef\xbb\xbf" + START + b"}")
@example(START + b"}x")
@example(START + b"}\x00")
@example(START + b"} \n\t\r")
@example(b"\x0c" + START + b"}")
@example(START + b"e12}")
@example(START + b"e-400}")
@example(START[:-1] + b"-0}")
@example(START[:-1] + b"9007199254740993}")
@example(START[:-1] + b"1000000000000}")
@example(START[:-1] + b"1000000000000.0001}")
@example(START[:-1] + b"1000000000001}")
@example(START[:-1] + b"-18446744073709551617}")
def test_what_the_fast_way_takes_orjson_takes_to_the_bit(value: bytes | None) -> None:
    agrees(value)


@settings(deadline=None, max_examples=500)
@given(with_others())
def test_members_that_it_skips_are_still_json(value: bytes) -> None:
    agrees(value)


digits = st.text("0123456789", min_size=1, max_size=25)


@settings(deadline=None, max_examples=1000)
@given(st.sampled_from(["", "-"]), digits, digits, st.none() | st.integers(-30, 14))
def test_a_number_of_any_digits_becomes_the_same_double(
    sign: str, whole: str, part: str, exponent: int | None
) -> None:
    number = f"{sign}{whole}.{part}" + ("" if exponent is None else f"e{exponent}")
    agrees(START[:-1] + number.encode() + b"}")


@settings(deadline=None, max_examples=300)
@given(st.floats(-VALUE_LIMIT, VALUE_LIMIT), st.integers(-(10**12), 10**12))
def test_floats_and_integers_are_read_the_fast_way(real: float, whole: int) -> None:
    value = orjson.dumps({"tv": real, "radio": whole, "newspaper": 0, "sales": real, "x": {"y": 1}})
    assert repr(read(value)) == repr((real, float(whole), 0.0, real))


@pytest.mark.parametrize("depth", [900, 1025, 2000, 100_000])
def test_however_deep_a_skipped_member_is_it_is_read_or_left_to_orjson(depth: int) -> None:
    agrees(START + b', "x": ' + b"[" * depth + b"]" * depth + b"}")


@settings(deadline=None)
@given(near_valid())
def test_any_field_may_be_the_target_of_an_event_that_is_read(value: bytes) -> None:
    """The whole decoder, against itself with the fields in another order."""
    ours, turned = EventDecoder(FIELDS, "sales")(value), EventDecoder(FIELDS[::-1], "sales")(value)
    if isinstance(ours, tuple):
        assert repr(turned) == repr(ours[::-1])
    else:
        assert type(turned) is type(ours)
