"""A request's headers in; where and how to answer out."""

from dataclasses import replace

import orjson
import pytest

from consumer.decode.dialects import (
    Address,
    BadAddressError,
    Headers,
    find_address,
    find_deadline,
    find_reply_headers,
    unwrap,
    wants_reply,
)
from consumer.decode.dialects.families import PLAIN
from contract.messages import MAX_CORRELATION_ID_BYTES, MAX_MESSAGE_BYTES

DEFAULT = "prediction-replies"
JSON = ("content-type", b"application/json")
VALUE = b'{"prediction":9.4}'
ERROR = b'{"code":"not-a-number","message":"tv: expected a number, got a string"}'


def address(headers: Headers) -> Address:
    return find_address(headers, default_topic=DEFAULT, allowed=lambda topic: "ok" in topic)


def reply_headers(headers: Headers, error: bytes | None = None) -> list[tuple[str, bytes]]:
    return address(headers).write(b"key", VALUE, error).headers


def bad(headers: Headers) -> BadAddressError:
    with pytest.raises(BadAddressError) as error:
        address(headers)
    return error.value


def test_an_answer_goes_to_the_topic_named_and_carries_the_id() -> None:
    headers = [("correlation_id", b"7"), ("reply_to", b"ok-1")]
    assert (address(headers).topic, address(headers).partition) == ("ok-1", None)
    assert reply_headers(headers) == [("correlation_id", b"7"), JSON]


def test_should_the_topic_lead_nowhere_there_is_the_default_one_for_who_has_an_id() -> None:
    found = address([("correlation_id", b"7"), ("reply_to", b"ok-1")])
    assert found.fallback == Address(DEFAULT, PLAIN, b"7")
    assert address([("reply_to", b"ok-1")]).fallback is None
    assert address([("correlation_id", b"7")]).fallback is None


def test_an_id_alone_is_answered_on_the_default_topic() -> None:
    assert address([("correlation_id", b"7")]) == Address(DEFAULT, PLAIN, b"7")


@pytest.mark.parametrize("reply_to", [b"", None])
def test_a_reply_topic_with_no_name_is_none(reply_to: bytes | None) -> None:
    found = address([("correlation_id", b"7"), ("reply_to", reply_to)])
    assert found.topic == DEFAULT


def test_a_reply_topic_without_an_id_is_answered_without_one() -> None:
    assert reply_headers([("reply_to", b"ok-1")]) == [JSON]


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
    found = reply_headers([("reply_to", b"ok-1"), ("correlation_id", correlation_id)])
    assert dict(found)["correlation_id"] == correlation_id


def test_of_a_repeated_header_the_last_counts_and_each_is_written_once() -> None:
    headers = [
        ("reply_to", b"ok-1"),
        ("correlation_id", b"1"),
        ("correlation_id", b"2"),
        ("reply_to", b"ok-2"),
    ]
    assert address(headers).topic == "ok-2"
    assert reply_headers(headers) == [("correlation_id", b"2"), JSON]


def test_of_a_repeated_header_the_last_counts_even_if_it_is_null() -> None:
    headers = [("reply_to", b"ok-1"), ("correlation_id", b"1"), ("reply_to", None)]
    assert address(headers).topic == DEFAULT


def test_no_other_header_is_copied_to_the_answer() -> None:
    found = reply_headers(
        [
            ("correlation_id", b"1"),
            ("reply_to", b"ok-1"),
            ("deadline", b"1"),
            ("REPLY_PARTITION", b"\0\0\0\1"),
            ("kafka_correlationId", b"2"),
            ("__TypeId__", b"x"),
            ("traceparent", None),
        ]
    )
    assert [name for name, _ in found] == ["correlation_id", "content-type"]


def test_an_id_may_have_so_many_bytes_and_no_more() -> None:
    longest = b"x" * MAX_CORRELATION_ID_BYTES
    assert address([("correlation_id", longest)]).topic == DEFAULT
    too_long = bad([("correlation_id", longest + b"x"), ("reply_to", b"ok-1")])
    assert too_long.fallback is None


@pytest.mark.parametrize("reply_to", [b"events", b"\xff\xfeok", b"__consumer_offsets", b"\0"])
def test_who_names_a_bad_topic_is_told_on_the_default_one(reply_to: bytes) -> None:
    error = bad([("correlation_id", b"7"), ("reply_to", reply_to)])
    assert error.fallback == Address(DEFAULT, PLAIN, b"7")
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
    ("deadline", "found"),
    [
        (b"1780000000000", 1780000000000),
        (b"0", 0),
        (b"0001", 1),
        (b"9" * 16, 9999999999999999),
        (b"9" * 17, None),
        (b"9" * 100_000, None),
        (b"", None),
        (b"-1", None),
        (b"+1", None),
        (b"1.5", None),
        (b"1e3", None),
        (b" 1", None),
        (b"soon", None),
        (b"\xb2", None),
        ("\u0661".encode(), None),
        (None, None),
    ],
)
def test_a_deadline_is_a_decimal_number_of_milliseconds_or_none(
    deadline: bytes | None, found: int | None
) -> None:
    assert find_deadline([("deadline", deadline)]) == found


def test_a_request_without_a_deadline_has_none() -> None:
    assert find_deadline([("correlation_id", b"1")]) is None


def test_of_two_deadlines_the_last_counts() -> None:
    assert find_deadline([("deadline", b"1"), ("deadline", b"2")]) == 2


# The other dialects: what their clients send and wait for, as their sources have it.

UUID = bytes(range(0x80, 0x90))
SPRING = [("kafka_replyTopic", b"ok-1"), ("kafka_correlationId", UUID)]
NESTJS = [*SPRING, ("kafka_replyPartition", b"2")]
SMALLRYE = [("REPLY_TOPIC", b"ok-1"), ("REPLY_CORRELATION_ID", UUID)]
FAUST = [("Faust-Ag-ReplyTo", b"ok-1"), ("Faust-Ag-CorrelationId", b"4-2")]
DIALECTS = [SPRING, NESTJS, SMALLRYE, FAUST]


def test_spring_gets_its_id_and_its_key_back_and_nothing_else() -> None:
    message = address(SPRING).write(b"key", VALUE, ERROR)
    assert message.headers == [("kafka_correlationId", UUID)]
    assert (message.key, message.value) == (b"key", VALUE)


@pytest.mark.parametrize(
    ("raw", "topic"),
    [(b"ok-1", "ok-1"), (b'"ok-1"', "ok-1")],
)
def test_spring_may_quote_its_reply_topic(raw: bytes, topic: str) -> None:
    assert address([("kafka_replyTopic", raw), SPRING[1]]).topic == topic


@pytest.mark.parametrize("raw", [b'"ok-1', b'""ok-1""', b'"', b'""', b'ok-1"'])
def test_half_a_quotation_is_no_topic(raw: bytes) -> None:
    assert bad([("kafka_replyTopic", raw), SPRING[1]]).fallback is not None


def test_nobody_else_quotes() -> None:
    assert bad([("REPLY_TOPIC", b'"ok-1"'), SMALLRYE[1]]).fallback is not None


def test_nestjs_gets_the_last_word_on_its_request() -> None:
    found = address(NESTJS)
    assert found.partition == 2
    assert found.write(b"key", VALUE).headers == [
        ("kafka_correlationId", UUID),
        ("kafka_nest-is-disposed", b"\0"),
    ]


def test_nestjs_finds_an_error_in_a_header() -> None:
    assert reply_headers(NESTJS, ERROR)[2:] == [("kafka_nest-err", ERROR)]


def test_smallrye_never_gets_a_reply_topic_back() -> None:
    assert reply_headers(SMALLRYE) == [("REPLY_CORRELATION_ID", UUID)]
    assert reply_headers(SMALLRYE, ERROR) == [
        ("REPLY_CORRELATION_ID", UUID),
        ("REPLY_ERROR", ERROR),
    ]


def test_faust_gets_an_envelope_and_no_kafka_key() -> None:
    message = address(FAUST).write(b"key", VALUE, ERROR)
    assert (message.key, message.headers) == (None, [])
    assert message.value == b'{"key":"key","value":{"prediction":9.4},"correlation_id":"4-2"}'


@pytest.mark.parametrize("key", [None, b"\xff"])
def test_an_envelope_has_its_three_members_whatever_the_key(key: bytes | None) -> None:
    document = orjson.loads(address(FAUST).write(key, VALUE).value)
    assert list(document) == ["key", "value", "correlation_id"]


def test_an_id_that_fits_in_no_envelope_is_refused() -> None:
    assert bad([FAUST[0], ("Faust-Ag-CorrelationId", UUID)]).fallback is None


@pytest.mark.parametrize(
    ("headers", "first"),
    [
        ([("reply_to", b"ok-2"), *FAUST, *SMALLRYE, *SPRING], SPRING),
        ([("reply_to", b"ok-2"), *FAUST, *SMALLRYE], SMALLRYE),
        ([("reply_to", b"ok-2"), *FAUST], FAUST),
        ([*SPRING, ("kafka_replyTopic", b""), *FAUST], FAUST),
    ],
)
def test_of_several_dialects_the_first_in_order_is_spoken(headers: Headers, first: Headers) -> None:
    assert address(headers) == address(first)


@pytest.mark.parametrize(
    ("raw", "partition"),
    [
        (b"\0\0\0\0", 0),
        (b"\0\0\0\1", 1),
        (b"\0\0\x30\x39", 12345),
        (b"0", 0),
        (b"12", 12),
        (b"0012", 12),
        (b"1234", 1234),
        (None, None),
    ],
)
@pytest.mark.parametrize("family", [SPRING, SMALLRYE])
def test_a_reply_partition_is_four_bytes_or_decimal(
    family: Headers, raw: bytes | None, partition: int | None
) -> None:
    name = "kafka_replyPartition" if family is SPRING else "REPLY_PARTITION"
    assert address([*family, (name, raw)]).partition == partition


@pytest.mark.parametrize(
    "raw",
    [b"", b"-1", b"\xff\xff\xff\xff", b"\1\0\0\0", b"\0\1", b"\0" * 8, b"9" * 11, b"1.0", b" 1"],
)
@pytest.mark.parametrize("family", [SPRING, SMALLRYE])
def test_any_other_reply_partition_is_refused_and_told(family: Headers, raw: bytes) -> None:
    name = "kafka_replyPartition" if family is SPRING else "REPLY_PARTITION"
    told = bad([*family, (name, raw)]).fallback
    assert told is not None
    assert (told.topic, told.correlation_id, told.partition) == (DEFAULT, UUID, None)


@pytest.mark.parametrize("headers", DIALECTS)
def test_who_names_a_bad_topic_is_told_in_its_own_dialect(headers: Headers) -> None:
    good = address(headers)
    told = bad([*headers, (headers[0][0], b"events")]).fallback
    assert told == replace(good, topic=DEFAULT, partition=None, fallback=None)


@pytest.mark.parametrize("headers", DIALECTS)
def test_an_event_may_ask_in_any_dialect_and_a_request_is_forwarded_in_its_own(
    headers: Headers,
) -> None:
    forwarded = find_reply_headers([*headers, ("deadline", b"1")], default_topic=DEFAULT)
    assert sorted(forwarded) == sorted(headers)
    assert wants_reply(forwarded)
    assert address(forwarded) == address(headers)


# Faust's requests.


def envelope(value: object, **others: object) -> bytes:
    tag = {"ns": "@ReqRepRequest"}
    members = {"value": value, "reply_to": "ok-1", "correlation_id": "4-2", "__faust": tag}
    return orjson.dumps(members | others)


@pytest.mark.parametrize("kind", ["@ReqRepRequest", "faust.agents.models.ModelReqRepRequest"])
def test_a_request_in_an_envelope_is_one_in_headers(kind: str) -> None:
    headers, value = unwrap([], envelope({"tv": 50}, __faust={"ns": kind}))
    assert value == b'{"tv":50}'
    assert address(headers) == address(FAUST)


@pytest.mark.parametrize(
    ("inner", "value"),
    [
        ({"tv": 50, "__faust": {"ns": "my.Ask"}}, b'{"tv":50}'),
        ({"method": "predict", "params": {"tv": 50, "__faust": {}}},
         b'{"method":"predict","params":{"tv":50}}'),
        (50, b"50"),
        (None, b"null"),
    ],
)  # fmt: skip
def test_the_tags_of_models_are_taken_off(inner: object, value: bytes) -> None:
    assert unwrap([], envelope(inner))[1] == value
    assert unwrap(FAUST, orjson.dumps(inner))[1] == value


@pytest.mark.parametrize("others", [SPRING, SMALLRYE, [("reply_to", b"ok-1")]])
def test_an_envelope_is_none_for_who_asks_in_another_dialect(others: Headers) -> None:
    assert unwrap(others, envelope({"tv": 50})) == (others, envelope({"tv": 50}))


@pytest.mark.parametrize(
    "value", [None, b"", b"{}", b'{"tv": 50}', b'"__faust"', b'{"__faust"', b"\xff__faust"]
)
def test_what_is_no_envelope_stays_as_it_is(value: bytes | None) -> None:
    assert unwrap(FAUST, value) == (FAUST, value)


def test_who_nests_too_deep_in_an_envelope_can_still_be_told() -> None:
    deep = envelope(0).replace(b'"value":0', b'"value":' + b"[" * 500 + b"]" * 500)
    headers, value = unwrap([], deep)
    assert value == deep
    assert address(headers) == address(FAUST)


@pytest.mark.parametrize("others", [{"reply_to": None}, {"reply_to": 7}, {"reply_to": ""}])
def test_an_envelope_without_an_address_asks_for_nothing(others: dict[str, object]) -> None:
    headers, _ = unwrap([], envelope({"tv": 50}, **others))
    assert bad(headers).fallback is None


def test_a_header_comes_before_what_the_envelope_says() -> None:
    headers, value = unwrap(FAUST, envelope({"tv": 50}, reply_to="ok-2", correlation_id="9"))
    assert value == b'{"tv":50}'
    assert address(headers) == address(FAUST)


def test_an_envelope_that_is_too_large_is_not_opened() -> None:
    large = envelope({"tv": 50, "more": "x" * MAX_MESSAGE_BYTES})
    assert unwrap([], large) == ([], large)
