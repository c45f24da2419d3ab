"""Spans say what was asked, what came of it, and which traces it belongs to."""

import subprocess
import sys

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from consumer.telemetry.spans import Spans
from contract.messages import Method, RequestOutcome
from unit.records import Record

TRACE, PARENT = 0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7
HEADER = ("traceparent", f"00-{TRACE:032x}-{PARENT:016x}-01".encode())
STATE = ("tracestate", b"congo=t61rcWkgMzE")


@pytest.fixture
def memory() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def spans(memory: InMemorySpanExporter) -> Spans:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    return Spans(provider)


def the_one(memory: InMemorySpanExporter) -> ReadableSpan:
    (span,) = memory.get_finished_spans()
    return span


def answer(spans: Spans, record: Record) -> None:
    outcome = RequestOutcome.ANSWERED
    spans.answered("requests", 2, record, method=Method.TRAIN, outcome=outcome, seconds=0.25)


def test_an_answer_is_a_child_of_its_request(spans: Spans, memory: InMemorySpanExporter) -> None:
    answer(spans, Record(7, b"{}", headers=[HEADER, STATE]))
    span = the_one(memory)
    assert span.context.trace_id == TRACE
    assert span.parent is not None
    assert (span.parent.span_id, span.parent.is_remote) == (PARENT, True)
    assert span.context.trace_state.to_header() == "congo=t61rcWkgMzE"


def test_it_says_which_request_it_was_and_how_long_it_took(
    spans: Spans, memory: InMemorySpanExporter
) -> None:
    answer(spans, Record(7, b"{}"))
    span = the_one(memory)
    assert (span.name, span.kind) == ("process requests", SpanKind.CONSUMER)
    assert span.attributes == {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "requests",
        "messaging.destination.partition.id": "2",
        "messaging.kafka.offset": 7,
        "riverline.method": "train",
        "riverline.outcome": "answered",
    }
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.end_time - span.start_time == 250_000_000


def test_a_request_without_a_trace_begins_one(spans: Spans, memory: InMemorySpanExporter) -> None:
    answer(spans, Record(7, b"{}", headers=[("traceparent", b"\xff")]))
    assert the_one(memory).parent is None


def test_one_that_its_asker_does_not_sample_makes_no_span(
    spans: Spans, memory: InMemorySpanExporter
) -> None:
    answer(spans, Record(7, b"{}", headers=[("traceparent", HEADER[1][:-2] + b"00")]))
    assert memory.get_finished_spans() == ()


def test_a_poll_has_a_link_to_each_event_that_has_a_trace(
    spans: Spans, memory: InMemorySpanExporter
) -> None:
    plain, traced = Record(1, b"{}"), Record(2, b"{}", headers=[HEADER])
    spans.learned("events", {0: [plain, traced], 3: [plain]}, seconds=0.01)
    span = the_one(memory)
    assert span.attributes is not None
    assert span.attributes["messaging.batch.message_count"] == 3
    (link,) = span.links
    assert (link.context.trace_id, link.context.span_id) == (TRACE, PARENT)
    assert link.attributes == {
        "messaging.destination.partition.id": "0",
        "messaging.kafka.offset": 2,
    }
    assert span.parent is None


def test_a_service_without_traces_imports_nothing_of_opentelemetry() -> None:
    program = (
        "import sys; from consumer.__main__ import cli; from consumer.app import App\n"
        "from consumer.settings import Settings; from consumer.wiring import wire\n"
        "App(Settings(http_port=0), wire, {}).web.close()\n"
        "sys.exit(any(name.partition('.')[0] == 'opentelemetry' for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
