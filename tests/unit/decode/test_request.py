"""A request's bytes in; a method with its parameters out, or a refusal."""

import pytest

from consumer.decode.request import Request, check_deadline, decode_request, features
from consumer.decode.request_error import RequestError
from contract.messages import MAX_MESSAGE_BYTES, ErrorCode, Method
from unit.records import FIELDS


def refused(value: bytes | None) -> RequestError:
    with pytest.raises(RequestError) as refusal:
        decode_request(value)
    return refusal.value


def test_bare_features_ask_for_a_prediction() -> None:
    assert decode_request(b'{"tv": 50}') == Request(Method.PREDICT, {"tv": 50})


@pytest.mark.parametrize("method", list(Method))
def test_a_method_is_named_with_its_parameters(method: Method) -> None:
    value = f'{{"method": "{method}", "params": {{"a": [1]}}}}'.encode()
    assert decode_request(value) == Request(method, {"a": [1]})


@pytest.mark.parametrize("rest", ["", ', "params": null', ', "params": {}'])
def test_a_method_without_parameters_has_none(rest: str) -> None:
    assert decode_request(f'{{"method": "train"{rest}}}'.encode()) == Request(Method.TRAIN, {})


@pytest.mark.parametrize("method", ["null", "1", "true", "[]", '["predict"]', "{}", '"Predict"'])
def test_a_method_that_is_none_is_refused_with_those_that_are(method: str) -> None:
    refusal = refused(f'{{"method": {method}}}'.encode())
    assert refusal.code is ErrorCode.UNKNOWN_METHOD
    assert all(name in refusal.message for name in Method)


@pytest.mark.parametrize("params", ["[]", "0", "false", '""', "1.5"])
def test_parameters_that_are_no_object_are_refused_even_empty_ones(params: str) -> None:
    refusal = refused(f'{{"method": "predict", "params": {params}}}'.encode())
    assert refusal.code is ErrorCode.BAD_PARAMS


def test_members_beside_method_and_params_are_refused() -> None:
    assert refused(b'{"method": "predict", "tv": 50}').code is ErrorCode.BAD_PARAMS


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, ErrorCode.NO_VALUE),
        (b" " * (MAX_MESSAGE_BYTES + 1), ErrorCode.TOO_LARGE),
        (b"{", ErrorCode.BAD_JSON),
        (b"[]", ErrorCode.BAD_SHAPE),
    ],
)
def test_the_reasons_of_an_event_are_the_codes_of_a_request(
    value: bytes | None, code: ErrorCode
) -> None:
    assert refused(value).code is code


def test_features_are_floats_by_name() -> None:
    numbers = features({"tv": 50, "radio": 1.5}, FIELDS, "sales")
    assert numbers == {"tv": 50.0, "radio": 1.5}
    assert {type(number) for number in numbers.values()} == {float}


def test_no_features_are_no_fault_here() -> None:
    assert features({}, FIELDS, "sales") == {}


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"tv": 50, "price": 1}, ErrorCode.UNKNOWN_FIELD),
        ({"tv": 50, "sales": 1}, ErrorCode.BAD_PARAMS),
        ({"tv": "50"}, ErrorCode.NOT_A_NUMBER),
        ({"tv": None}, ErrorCode.NOT_A_NUMBER),
        ({"tv": 1e13}, ErrorCode.OUT_OF_RANGE),
    ],
)
def test_what_is_no_feature_is_refused(params: dict[str, object], code: ErrorCode) -> None:
    with pytest.raises(RequestError) as refusal:
        features(params, FIELDS, "sales")
    assert refusal.value.code is code


def test_an_unknown_field_is_told_those_there_are_and_only_a_scrap_is_repeated() -> None:
    with pytest.raises(RequestError) as refusal:
        features({"x" * 100_000: 1}, FIELDS, "sales")
    assert "tv, radio, newspaper, sales" in refusal.value.message
    assert len(refusal.value.message) < 200


def test_a_scrap_of_an_unknown_field_stays_a_scrap_when_it_is_escaped() -> None:
    with pytest.raises(RequestError) as refusal:
        features({"\U000e0001" * 100_000: 1}, FIELDS, "sales")
    assert len(refusal.value.message) < 200


def test_control_characters_of_an_unknown_field_are_not_repeated_as_they_are() -> None:
    with pytest.raises(RequestError) as refusal:
        features({"\x1b[31m\r\n\0\u202e": 1}, FIELDS, "sales")
    assert refusal.value.message.isprintable()


NOW_MS = 1_795_532_400_000.0  # 2026-11-24T15:00:00Z


@pytest.mark.parametrize("deadline", [b"1795532400000", b"1795532400001", b"9" * 16, b"soon"])
def test_a_deadline_that_has_not_passed_is_no_matter(deadline: bytes) -> None:
    check_deadline([("deadline", deadline)], now_ms=NOW_MS)
    check_deadline([], now_ms=NOW_MS)


def test_a_deadline_that_has_passed_is_told_with_our_clock() -> None:
    with pytest.raises(RequestError) as refused:
        check_deadline([("deadline", b"1795532088000")], now_ms=NOW_MS)
    assert refused.value.code is ErrorCode.EXPIRED
    assert refused.value.message == (
        "the deadline passed 312.0 s before the request was read; if you are still waiting, "
        "compare clocks: this service's says 2026-11-24T15:00:00Z"
    )
    with pytest.raises(RequestError, match=r"the deadline passed 1795532400\.0 s"):
        check_deadline([("deadline", b"0")], now_ms=NOW_MS)
