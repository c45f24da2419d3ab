"""A request's headers in; where and how to answer out."""

import pytest

from consumer.dialects import (
    Address,
    BadAddressError,
    Headers,
    find_address,
    find_reply_headers,
    is_expired,
    wants_reply,
)
from contract.messages import MAX_CORRELATION_ID_BYTES

DEFAULT = "prediction-replies"
JSON = ("content-type", b"application/json")


def address(headers: Headers) -> Address:
    return find_address(headers, default_topic=DEFAULT, allowed=lambda topic: "ok" in topic)


def bad(headers: Headers) -> BadAddressError:
    with pytest.raises(BadAddressError) as error:
        address(headers)
    return error.value


def test_an_answer_goes_to_the_topic_named_and_carries_the_id() -> None:
    found = address([("correlation_id", b"7"), ("reply_to", b"ok-1")])
    assert found.topic == "ok-1"
    assert found.headers == (("correlation_id", b"7"), JSON)
    assert found.partition is None


def test_should_the_topic_lead_nowhere_there_is_the_default_one_for_who_has_an_id() -> None:
    found = address([("correlation_id", b"7"), ("reply_to", b"ok-1")])
    assert found.fallback == Address(DEFAULT, (("correlation_id", b"7"), JSON))
    assert address([("reply_to", b"ok-1")]).fallback is None
    assert address([("correlation_id", b"7")]).fallback is None


def test_an_id_alone_is_answered_on_the_default_topic() -> None:
    assert address([("correlation_id", b"7")]) == Address(DEFAULT, (("correlation_id", b"7"), JSON))


@pytest.mark.parametrize("reply_to", [b"", None])
def test_a_reply_topic_with_no_name_is_none(reply_to: bytes | None) -> None:
    found = address([("correlation_id", b"7"), ("reply_to", reply_to)])
    assert found.topic == DEFAULT


def test_a_reply_topic_without_an_id_is_answered_without_one() -> None:
    assert address([("reply_to", b"ok-1")]) == Address("ok-1", (JSON,))


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("other", b"x")],
        [("correlation_id", b"")],
        [("correlation_id", None)],
        [("reply_to", b"")],
        [("reply_to", None), ("correlation_id", None)],
        [("Reply_To", b"ok-1")],
    ],
)
def test_without_topic_and_id_nobody_waits(headers: Headers) -> None:
    assert bad(headers).fallback is None


@pytest.mark.parametrize(
    "correlation_id",
    [bytes(range(128)), bytes(range(128, 256)), b"\0", b"\xff" * 16, b" ", "Ä€😀".encode()],
)
def test_an_id_is_echoed_byte_for_byte_and_never_decoded(correlation_id: bytes) -> None:
    found = address([("reply_to", b"ok-1"), ("correlation_id", correlation_id)])
    assert dict(found.headers)["correlation_id"] == correlation_id


def test_of_a_repeated_header_the_last_counts_and_each_is_written_once() -> None:
    found = address(
        [
            ("reply_to", b"ok-1"),
            ("correlation_id", b"1"),
            ("correlation_id", b"2"),
            ("reply_to", b"ok-2"),
        ]
    )
    assert (found.topic, found.headers) == ("ok-2", (("correlation_id", b"2"), JSON))


def test_of_a_repeated_header_the_last_counts_even_if_it_is_null() -> None:
    headers = [("reply_to", b"ok-1"), ("correlation_id", b"1"), ("reply_to", None)]
    assert address(headers).topic == DEFAULT


def test_no_other_header_is_copied_to_the_answer() -> None:
    found = address(
        [
            ("correlation_id", b"1"),
            ("reply_to", b"ok-1"),
            ("deadline", b"1"),
            ("REPLY_TOPIC", b"x"),
            ("__TypeId__", b"x"),
            ("traceparent", None),
        ]
    )
    assert [name for name, _ in found.headers] == ["correlation_id", "content-type"]


def test_an_id_may_have_so_many_bytes_and_no_more() -> None:
    longest = b"x" * MAX_CORRELATION_ID_BYTES
    assert address([("correlation_id", longest)]).topic == DEFAULT
    too_long = bad([("correlation_id", longest + b"x"), ("reply_to", b"ok-1")])
    assert too_long.fallback is None


@pytest.mark.parametrize("reply_to", [b"events", b"\xff\xfeok", b"__consumer_offsets", b"\0"])
def test_who_names_a_bad_topic_is_told_on_the_default_one(reply_to: bytes) -> None:
    error = bad([("correlation_id", b"7"), ("reply_to", reply_to)])
    assert error.fallback == Address(DEFAULT, (("correlation_id", b"7"), JSON))
    assert reply_to.decode(errors="replace") not in error.detail


@pytest.mark.parametrize("correlation_id", [b"", None])
def test_who_names_a_bad_topic_and_no_id_cannot_be_told(correlation_id: bytes | None) -> None:
    error = bad([("reply_to", b"events"), ("correlation_id", correlation_id)])
    assert error.fallback is None


@pytest.mark.parametrize(
    ("headers", "wants"),
    [
        ([], False),
        ([("correlation_id", b"7")], False),
        ([("reply_to", b"")], False),
        ([("reply_to", None)], False),
        ([("reply_to", b"ok-1"), ("reply_to", None)], False),
        ([("reply_to", b"ok-1")], True),
    ],
)
def test_an_event_asks_to_be_acknowledged_by_a_reply_topic_and_not_by_an_id(
    headers: Headers,
    wants: bool,  # noqa: FBT001 - a column of the table
) -> None:
    assert wants_reply(headers) is wants


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([("correlation_id", b"\xff"), ("reply_to", b"ok-1"), ("deadline", b"1")], b"ok-1"),
        ([("correlation_id", b"\xff")], DEFAULT.encode()),
        ([("correlation_id", b"\xff"), ("reply_to", None)], DEFAULT.encode()),
    ],
)
def test_an_event_sent_as_a_request_asks_where_the_request_did(
    headers: Headers, expected: bytes
) -> None:
    found = find_reply_headers(headers, default_topic=DEFAULT)
    assert dict(found) == {"correlation_id": b"\xff", "reply_to": expected}
    assert wants_reply(found)


NOW_MS = 1_780_000_000_000.5


@pytest.mark.parametrize(
    ("deadline", "expired"),
    [
        (b"1779999999999", True),
        (b"1780000000000", True),
        (b"1780000000001", False),
        (b"0", True),
        (b"0001", True),
        (b"9" * 16, False),
        (b"9" * 17, False),
        (b"9" * 100_000, False),
        (b"", False),
        (b"-1", False),
        (b"+1", False),
        (b"1.5", False),
        (b"1e3", False),
        (b" 1", False),
        (b"soon", False),
        (b"\xb2", False),
        ("\u0661".encode(), False),
        (None, False),
    ],
)
def test_a_deadline_is_a_decimal_number_of_milliseconds_or_none(
    deadline: bytes | None,
    expired: bool,  # noqa: FBT001 - a column of the table
) -> None:
    assert is_expired([("deadline", deadline)], now_ms=NOW_MS) is expired


def test_a_request_without_a_deadline_never_expires() -> None:
    assert not is_expired([("correlation_id", b"1")], now_ms=NOW_MS)


def test_of_two_deadlines_the_last_counts() -> None:
    assert not is_expired([("deadline", b"1"), ("deadline", b"9" * 14)], now_ms=NOW_MS)
