"""Whatever stands in headers and values, there is an address or a reason why there is none."""

import json

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.decode.dialects import (
    Address,
    BadAddressError,
    Headers,
    find_address,
    find_deadline,
    find_reply_headers,
    is_of_request,
    unwrap,
    wants_reply,
)
from contract import messages

NAMES = [
    value for name, value in vars(messages).items() if name.isupper() and isinstance(value, str)
]
TOPICS = [b"replies-1", b'"replies-1"', b"events", b"replies-\xff", b"replies-" + b"x" * 300]
NUMBERS = [b"\0\0\0\1", b"3", b"9999999999", b"\0\0\0\0\0"]

names = st.sampled_from(NAMES) | st.text(max_size=8)
values = st.none() | st.sampled_from(TOPICS + NUMBERS) | st.binary(max_size=200)
noise = st.lists(st.tuples(names, values), max_size=8)

ids = st.binary(min_size=1, max_size=messages.MAX_CORRELATION_ID_BYTES)
topics = st.just(b"replies-1")
partitions = st.none() | st.sampled_from([b"\0\0\0\1", b"3"])
askings = st.one_of(
    st.tuples(st.tuples(st.just("correlation_id"), ids)),
    st.tuples(st.tuples(st.just("correlation_id"), ids), st.tuples(st.just("reply_to"), topics)),
    st.tuples(
        st.tuples(st.just("kafka_correlationId"), ids),
        st.tuples(st.just("kafka_replyTopic"), topics),
        st.tuples(st.just("kafka_replyPartition"), partitions),
    ),
    st.tuples(
        st.tuples(st.just("REPLY_CORRELATION_ID"), ids),
        st.tuples(st.just("REPLY_TOPIC"), topics),
        st.tuples(st.just("REPLY_PARTITION"), partitions),
    ),
    st.tuples(
        st.tuples(st.just("Faust-Ag-CorrelationId"), st.text(max_size=20).map(str.encode)),
        st.tuples(st.just("Faust-Ag-ReplyTo"), topics),
    ),
)

scalars = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=8)
members = st.sampled_from(["value", "reply_to", "correlation_id", "__faust", "params", "ns", "tv"])
documents = st.recursive(
    scalars | st.sampled_from(["@ReqRepRequest", "replies-1"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(members | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=8,
)
envelopes = st.fixed_dictionaries(
    {"__faust": st.just({"ns": "@ReqRepRequest"}) | documents},
    optional={"value": documents, "reply_to": documents, "correlation_id": documents},
)
requests = (
    st.none() | st.binary(max_size=64) | (envelopes | documents).map(json.dumps).map(str.encode)
)


def allowed(topic: str) -> bool:
    return topic.startswith("replies-")


def find(headers: Headers) -> Address | None:
    """Where a requester is answered, or at least told."""
    try:
        return find_address(headers, default_topic="replies-0", allowed=allowed)
    except BadAddressError as bad:
        return bad.fallback


@settings(max_examples=1000, deadline=None)
@given(
    headers=noise | st.tuples(askings, noise).map(lambda both: [*both[0], *both[1]]),
    value=requests,
    key=st.none() | st.binary(max_size=16),
)
def test_any_headers_and_any_value_give_an_address_or_none(
    headers: Headers, value: bytes | None, key: bytes | None
) -> None:
    found, _ = unwrap(headers, value)
    wants_reply(found)
    is_of_request(found)
    find_deadline(found)
    find_reply_headers(found, default_topic="replies-0")
    address = find(found)
    if address is None:
        return
    assert allowed(address.topic)
    assert address.topic.isascii()
    assert address.partition is None or 0 <= address.partition < 10**10
    message = address.write(key, b'{"error":{}}', b"{}")
    written = [name for name, _ in message.headers]
    assert len(set(written)) == len(written)
    assert not {"reply_to", "kafka_replyTopic", "REPLY_TOPIC"} & set(written)
    assert isinstance(orjson.loads(message.value), dict)


@settings(deadline=None)
@given(asking=askings, more=st.lists(st.tuples(st.text(), values), max_size=3))
def test_a_request_that_is_forwarded_is_answered_where_it_asked(
    asking: Headers, more: Headers
) -> None:
    address = find([*more, *asking])
    assert address is not None
    forwarded = find_reply_headers([*more, *asking], default_topic="replies-0")
    assert wants_reply(forwarded)
    again = find(forwarded)
    assert again is not None
    assert (again.topic, again.partition) == (address.topic, address.partition)
    assert again.write(None, b"{}") == address.write(None, b"{}")
