"""Metrics, health, lasting faults, the HTTP server that shows them, and the log.

May import the model; nothing of Kafka.
"""

from consumer.telemetry.build import versions
from consumer.telemetry.collectors import ChallengerCollector
from consumer.telemetry.faults import FaultKind, Faults
from consumer.telemetry.guard import guard
from consumer.telemetry.health import Health, LogEnd, Unsaved, listed, not_ready, silent_loops
from consumer.telemetry.http import Web
from consumer.telemetry.log import configure_log
from consumer.telemetry.metrics import Telemetry
from consumer.telemetry.rate_limit import RateLimit

__all__ = [
    "ChallengerCollector",
    "FaultKind",
    "Faults",
    "Health",
    "LogEnd",
    "RateLimit",
    "Telemetry",
    "Unsaved",
    "Web",
    "configure_log",
    "guard",
    "listed",
    "not_ready",
    "silent_loops",
    "versions",
]
