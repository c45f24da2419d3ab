"""An event's bytes in; a row, "unlabelled" or a reason out."""

import orjson
import pytest

from consumer.decode.event import (
    UNLABELLED,
    EventDecoder,
    Rejected,
    Unlabelled,
    parse_number,
    parse_object,
)
from contract.messages import MAX_MESSAGE_BYTES, Reason
from unit.records import FIELDS

decode = EventDecoder(FIELDS, "sales")


def rejected(value: bytes | None) -> Rejected:
    event = decode(value)
    assert isinstance(event, Rejected)
    return event


def test_a_row_stands_in_the_order_of_the_fields_and_not_of_the_members() -> None:
    value = b'{"sales": 4, "newspaper": 3, "radio": 2, "tv": 1}'
    assert decode(value) == (1, 2, 3, 4)
    assert EventDecoder(("sales", "tv"), "sales")(value) == (4, 1)


def test_a_row_holds_floats_whatever_the_numbers_are_written_as() -> None:
    row = decode(b'{"tv": 1, "radio": 2.0, "newspaper": 3e0, "sales": -0}')
    assert isinstance(row, tuple)
    assert [type(number) for number in row] == [float] * 4


def test_the_sign_of_a_zero_is_kept() -> None:
    row = decode(b'{"tv": -0.0, "radio": 0.0, "newspaper": 1, "sales": 1}')
    assert str(row) == "(-0.0, 0.0, 1.0, 1.0)"


def test_any_field_may_be_the_target() -> None:
    decode_tv = EventDecoder(FIELDS, "tv")
    assert decode_tv(b'{"radio": 2, "newspaper": 3, "sales": 4}') is UNLABELLED
    assert decode_tv(b'{"tv": 1, "radio": 2, "newspaper": 3, "sales": 4}') == (1, 2, 3, 4)
    assert isinstance(decode_tv(b'{"tv": 1, "radio": 2, "newspaper": 3}'), Rejected)


def test_one_field_alone_is_enough() -> None:
    decode_y = EventDecoder(("y",), "y")
    assert decode_y(b'{"y": 1.5}') == (1.5,)
    assert decode_y(b'{"y": 2}') == (2.0,)
    assert decode_y(b"{}") is UNLABELLED
    assert isinstance(decode_y(b'{"y": "2"}'), Rejected)


def test_the_first_fault_in_the_order_of_the_fields_is_named() -> None:
    assert "tv is missing" in rejected(b'{"radio": "x"}').detail
    assert "radio: expected a number, got a string" in rejected(b'{"tv": 1, "radio": "x"}').detail
    assert "newspaper is beyond" in rejected(
        b'{"tv": 1, "radio": 2, "newspaper": 1e13, "sales": "x"}'
    ).detail  # fmt: skip


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("null", "null"),
        ("true", "a boolean"),
        ('"1"', "a string"),
        ("[1]", "a list"),
        ('{"a": 1}', "an object"),
    ],
)
def test_a_refusal_says_what_stood_where_a_number_is_due(text: str, kind: str) -> None:
    why = rejected(f'{{"tv": {text}, "radio": 2, "newspaper": 3, "sales": 4}}'.encode())
    assert why.reason is Reason.NOT_A_NUMBER
    assert why.detail.partition(";")[0] == f"tv: expected a number, got {kind}"


def test_a_refusal_never_repeats_what_was_sent() -> None:
    for value in (
        b'{"tv": "my-secret"}',
        b'{"my-secret": 1}',
        b'"my-secret"',
        b"my-secret",
        b'{"tv": 1, "radio": {"my-secret": 1}}',
        b'{"tv": my-secret}',
    ):
        assert "my-secret" not in rejected(value).detail


def test_a_value_of_the_largest_size_is_read_and_one_byte_more_is_not() -> None:
    row = b'{"tv": 1, "radio": 2, "newspaper": 3, "sales": 4}'
    largest = row + b" " * (MAX_MESSAGE_BYTES - len(row))
    assert decode(largest) == (1, 2, 3, 4)
    assert rejected(largest + b" ").reason is Reason.TOO_LARGE


def test_the_size_is_looked_at_before_the_json() -> None:
    assert rejected(b"[" * (MAX_MESSAGE_BYTES + 1)).reason is Reason.TOO_LARGE


def test_no_value_is_another_thing_than_an_empty_one() -> None:
    assert rejected(None).reason is Reason.NO_VALUE
    assert rejected(b"").reason is Reason.BAD_JSON


def test_an_object_is_given_as_it_is() -> None:
    document = {"a": [1, {"b": None}], "c": "d"}
    assert parse_object(orjson.dumps(document)) == document


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf"), 10**400])
def test_a_number_that_is_not_finite_is_none_whoever_parsed_it(number: float) -> None:
    why = parse_number("tv", number)
    assert isinstance(why, Rejected)
    assert why.reason is Reason.OUT_OF_RANGE


@pytest.mark.parametrize(
    ("number", "unit"), [(1_795_774_500_000, "ms"), (1_795_774_500_000_000.0, "us")]
)
def test_a_time_since_1970_is_told_what_reads_it(number: float, unit: str) -> None:
    why = parse_number("sent_at", number)
    assert isinstance(why, Rejected)
    assert why.detail.startswith("sent_at is beyond")
    assert f"type = 'time' and unit = '{unit}'" in why.detail


@pytest.mark.parametrize(("text", "hinted"), [("12.5", True), ("$12.50", True), ("plenty", False)])
def test_a_number_in_text_is_told_how_it_counts(text: str, *, hinted: bool) -> None:
    why = parse_number("price", text)
    assert isinstance(why, Rejected)
    assert why.detail.startswith("price: expected a number, got a string")
    assert ("text = true in a model file" in why.detail) is hinted


def test_unlabelled_is_neither_a_row_nor_a_refusal() -> None:
    event = decode(b'{"tv": 1, "radio": 2, "newspaper": 3}')
    assert isinstance(event, Unlabelled)
    assert event is UNLABELLED
