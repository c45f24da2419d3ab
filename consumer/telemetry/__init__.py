"""Metrics, health, lasting faults, and the HTTP server that shows them.

May import the model; nothing of Kafka.
"""

from consumer.telemetry.faults import FaultKind, Faults
from consumer.telemetry.guard import guard
from consumer.telemetry.health import Health, LogEnd, Unsaved, listed, not_ready, silent_loops
from consumer.telemetry.http import Web
from consumer.telemetry.metrics import Telemetry
from consumer.telemetry.rate_limit import RateLimit

__all__ = [
    "FaultKind",
    "Faults",
    "Health",
    "LogEnd",
    "RateLimit",
    "Telemetry",
    "Unsaved",
    "Web",
    "guard",
    "listed",
    "not_ready",
    "silent_loops",
]
