"""What all loops share."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.client import Permissions, Precedence
from consumer.model import Served
from consumer.settings import Settings
from consumer.telemetry import Health, Telemetry

if TYPE_CHECKING:
    from consumer.telemetry.spans import Spans


@dataclass(frozen=True, slots=True)
class Context:
    """The objects of which a process has one each.

    Attributes:
        settings: The settings, read once at the start.
        served: The model that answers, as it is now.
        telemetry: The metrics.
        health: What readiness and liveness follow from.
        precedence: Lets answers go before learning.
        permissions: What Kafka allows us.
        spans: OpenTelemetry's, if they are asked for.
    """

    settings: Settings
    served: Served
    telemetry: Telemetry
    health: Health
    precedence: Precedence
    permissions: Permissions
    spans: "Spans | None" = None


def spans_asked_for(settings: Settings) -> "Spans | None":
    """The spans of OTEL_TRACES_EXPORTER; for none, nothing of OpenTelemetry is imported."""
    if settings.otel_traces_exporter == "none":
        return None
    from consumer.telemetry.spans import Spans  # noqa: PLC0415 - the extra `otel`

    return Spans.exported()
