"""The trace context of a request or an event goes on in what follows from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.decode import trace_context
from consumer.decode.dialects import Headers, find_address, find_reply_headers
from consumer.decode.event import Rejected
from consumer.learn.dead_letters import write_letter
from consumer.model.folding import RejectedRecord
from contract.messages import Reason
from unit.records import Record

PARENT = ("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
STATE = ("tracestate", b"congo=t61rcWkgMzE,rojo=00f067aa0ba902b7")

DIALECTS: dict[str, list[tuple[str, bytes]]] = {
    "plain": [("reply_to", b"replies"), ("correlation_id", b"7")],
    "Spring": [("kafka_replyTopic", b"replies"), ("kafka_correlationId", b"7")],
    "NestJS": [("kafka_replyTopic", b"replies"), ("kafka_replyPartition", b"0")],
    "SmallRye": [("REPLY_TOPIC", b"replies"), ("REPLY_CORRELATION_ID", b"7")],
    "Faust": [("Faust-Ag-ReplyTo", b"replies"), ("Faust-Ag-CorrelationId", b"7")],
}


def reply_headers(headers: Headers) -> list[tuple[str, bytes]]:
    found = find_address(headers, default_topic="replies", allowed=lambda _: True)
    return found.write(None, b"{}").headers


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_reply_has_its_request_s_in_every_dialect(dialect: str) -> None:
    headers = DIALECTS[dialect]
    assert reply_headers([*headers, PARENT, STATE]) == [*reply_headers(headers), PARENT, STATE]


def test_the_report_of_a_bad_reply_topic_has_it_too() -> None:
    headers = [*DIALECTS["plain"], PARENT]
    found = find_address(headers, default_topic="replies", allowed=lambda _: True)
    assert found.fallback is not None
    assert PARENT in found.fallback.write(None, b"{}").headers


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_event_that_a_request_becomes_has_it(dialect: str) -> None:
    headers = DIALECTS[dialect]
    sent = find_reply_headers([*headers, PARENT, STATE], default_topic="replies")
    assert sent[-2:] == [PARENT, STATE]
    assert reply_headers(sent) == reply_headers([*headers, PARENT, STATE])


def test_a_dead_letter_has_its_event_s_under_the_same_names() -> None:
    record = Record(7, b"{", headers=[PARENT, STATE])
    why = Rejected(Reason.BAD_JSON, "not JSON")
    letter = write_letter("riverline", "events", 0, RejectedRecord(record, why))
    assert {PARENT, STATE} <= set(letter.headers)
    names = [name for name, _ in letter.headers]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "parent",
    [
        None,
        b"",
        PARENT[1][:-1],
        PARENT[1] + b"0",
        PARENT[1].upper(),
        b"ff" + PARENT[1][2:],
        b"00-" + b"0" * 32 + b"-00f067aa0ba902b7-01",
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-" + b"0" * 16 + b"-01",
        PARENT[1] + b"\n",
    ],
)
def test_a_malformed_one_goes_no_further(parent: bytes | None) -> None:
    assert trace_context([("traceparent", parent), STATE]) == ()


@pytest.mark.parametrize("state", [None, b"", b"\xff", b"a\n", b"a" * 513])
def test_a_malformed_state_is_left_out(state: bytes | None) -> None:
    assert trace_context([PARENT, ("tracestate", state)]) == (PARENT,)


def test_of_several_the_last_counts() -> None:
    assert trace_context([("traceparent", b"x"), PARENT]) == (PARENT,)
    assert trace_context([PARENT, ("traceparent", b"x")]) == ()


@given(
    st.lists(
        st.tuples(st.sampled_from(["traceparent", "tracestate", "x"]), st.binary() | st.none())
    )
)
def test_any_bytes_make_headers_that_a_client_can_decode(headers: Headers) -> None:
    for _, value in trace_context(headers):
        value.decode("ascii")
