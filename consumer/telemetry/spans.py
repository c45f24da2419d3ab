"""Spans of OpenTelemetry: one for each answer, and one for each poll that was learned from.

The only module that imports OpenTelemetry, the extra ``otel``; nothing imports it unless
OTEL_TRACES_EXPORTER asks for spans. The SDK's own OTEL_* variables configure sampler, exporter and
resource; attributes are named by its semantic conventions for messaging.
"""

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Self

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from consumer.decode import Record, trace_context
from consumer.telemetry.build import versions
from contract.messages import Method, RequestOutcome

CLOSE_SECONDS = 2.0
"""How long the service's end waits for a collector."""

PROCESS = {
    "messaging.system": "kafka",
    "messaging.operation.name": "process",
    "messaging.operation.type": "process",
}

_propagator = TraceContextTextMapPropagator()


class Spans:
    """Makes spans after the fact, so that nothing is open while work is done; thread-safe.

    Args:
        provider: Of OpenTelemetry's SDK.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("riverline", versions()["version"])

    @classmethod
    def exported(cls) -> Self:
        """Spans that go out by OTLP over HTTP, in a thread of the SDK's."""
        named = {"service.name": "riverline", "service.version": versions()["version"]}
        resource = Resource.create().merge(Resource(named)).merge(OTELResourceDetector().detect())
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        return cls(provider)

    def answered(
        self,
        topic: str,
        partition: int,
        record: Record,
        *,
        method: Method | None,
        outcome: RequestOutcome | None,
        seconds: float,
    ) -> None:
        """A request was answered just now: a child of the request's span.

        Args:
            topic: Of the request.
            partition: Of the request.
            record: The request.
            method: None if it is not known.
            outcome: None of an event that was sent on.
            seconds: What that took.
        """
        attributes: dict[str, str | int] = {
            **PROCESS,
            "messaging.destination.name": topic,
            "messaging.destination.partition.id": str(partition),
            "messaging.kafka.offset": record.offset,
        }
        if method is not None:
            attributes["riverline.method"] = method
        if outcome is not None:
            attributes["riverline.outcome"] = outcome
        self._span(topic, seconds, attributes, parent=_context(record))

    def learned(self, topic: str, polled: Mapping[int, Sequence[Record]], seconds: float) -> None:
        """The records of a poll, by partition, were learned just now: with links to their spans."""
        count = sum(map(len, polled.values()))
        attributes: dict[str, str | int] = {
            **PROCESS,
            "messaging.destination.name": topic,
            "messaging.batch.message_count": count,
        }
        links = [
            Link(
                get_current_span(_context(record)).get_span_context(),
                {
                    "messaging.destination.partition.id": str(partition),
                    "messaging.kafka.offset": record.offset,
                },
            )
            for partition, records in polled.items()
            for record in records
            if record.headers and trace_context(record.headers)
        ]
        self._span(topic, seconds, attributes, links=links)

    def close(self) -> None:
        """Send what is left; a collector that does not answer is waited for a moment only."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS)

    def _span(
        self,
        topic: str,
        seconds: float,
        attributes: Mapping[str, str | int],
        *,
        parent: Context | None = None,
        links: Iterable[Link] = (),
    ) -> None:
        ended = time.time_ns()
        span = self._tracer.start_span(
            f"process {topic}",
            context=parent or Context(),
            kind=SpanKind.CONSUMER,
            attributes=attributes,
            links=tuple(links),
            start_time=ended - int(seconds * 1e9),
        )
        span.end(ended)


def _context(record: Record) -> Context:
    """The record's trace context as OpenTelemetry has it; empty if it has none."""
    carrier = {name: value.decode("ascii") for name, value in trace_context(record.headers)}
    return _propagator.extract(carrier, Context())
