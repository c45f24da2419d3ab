"""A trace goes through the service: spans to a collector, its headers to whoever comes next."""

import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from socket import socket
from threading import Thread
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from contract.environment import Environment
from support.service import LEARNED
from support.waiting import wait_until

from .conftest import Start

GOOD = b'{"tv": 230.1, "radio": 37.8, "newspaper": 69.2, "sales": 22.1}'


def parent() -> tuple[bytes, bytes]:
    """A trace of its own: the header, and the trace's id."""
    trace = uuid.uuid4()
    return f"00-{trace.hex}-00f067aa0ba902b7-01".encode(), trace.bytes


@contextmanager
def collector() -> Iterator[tuple[str, list[Any]]]:
    """Where it listens, and the spans that come."""
    spans: list[Any] = []

    class Takes(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            for found in ExportTraceServiceRequest.FromString(body).resource_spans:
                resource = {it.key: it.value.string_value for it in found.resource.attributes}
                assert resource["service.name"] == "riverline"
                spans.extend(span for scope in found.scope_spans for span in scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Takes)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", spans
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def send(settings: Environment, topic: str, value: bytes, **headers: bytes) -> None:
    with closing(KafkaProducer(bootstrap_servers=list(settings.kafka_bootstrap_servers))) as client:
        client.send(topic, value, headers=list(headers.items())).get(timeout=30)


def first_headers(settings: Environment, topic: str) -> dict[str, bytes]:
    """Those of the first record of a topic."""
    with closing(
        KafkaConsumer(
            topic,
            bootstrap_servers=list(settings.kafka_bootstrap_servers),
            auto_offset_reset="earliest",
            consumer_timeout_ms=30_000,
        )
    ) as client:
        return dict(next(client).headers)


def test_spans_go_to_a_collector_and_the_trace_to_reply_and_dead_letter(
    start: Start, settings: Environment
) -> None:
    asking, asked = parent()
    teaching, taught = parent()
    with collector() as (endpoint, spans):
        service = start(
            OTEL_TRACES_EXPORTER="otlp",
            OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
            OTEL_BSP_SCHEDULE_DELAY="100",
        )
        send(settings, settings.events_topic, GOOD, traceparent=teaching)
        send(settings, settings.events_topic, b"no JSON", traceparent=teaching)
        wait_until(lambda: service.metric(LEARNED) == 1)
        send(
            settings,
            settings.requests_topic,
            b'{"method": "describe"}',
            correlation_id=b"7",
            traceparent=asking,
        )
        wait_until(lambda: any(span.trace_id == asked for span in spans))
        wait_until(lambda: any(link.trace_id == taught for span in spans for link in span.links))
    answered = next(span for span in spans if span.trace_id == asked)
    assert answered.name == f"process {settings.requests_topic}"
    assert first_headers(settings, settings.replies_topic)["traceparent"] == asking
    assert first_headers(settings, settings.dead_letter_topic)["traceparent"] == teaching


@pytest.mark.slow
def test_a_collector_that_is_away_holds_up_neither_answers_nor_the_end(
    start: Start, settings: Environment
) -> None:
    with socket() as hears_nothing:  # connections to it wait
        hears_nothing.bind(("127.0.0.1", 0))
        hears_nothing.listen(0)
        host, port = hears_nothing.getsockname()
        service = start(
            OTEL_TRACES_EXPORTER="otlp",
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{host}:{port}",
            OTEL_EXPORTER_OTLP_TIMEOUT="120",
            OTEL_BSP_SCHEDULE_DELAY="100",
        )
        send(settings, settings.events_topic, GOOD)
        wait_until(lambda: service.metric(LEARNED) == 1)
        assert service.stop() == 0  # within 30 s
