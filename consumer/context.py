"""What the loops share."""

from dataclasses import dataclass

from consumer.client import Permissions, Precedence
from consumer.model import Served
from consumer.settings import Settings
from consumer.telemetry import Health, Telemetry


@dataclass(frozen=True, slots=True)
class Context:
    """One of each in a process.

    Attributes:
        settings: Read once.
        served: The model as it is now.
        telemetry: Counts and times.
        health: Facts about the loops.
        precedence: Of answers before learning.
        permissions: What Kafka lets us do.
    """

    settings: Settings
    served: Served
    telemetry: Telemetry
    health: Health
    precedence: Precedence
    permissions: Permissions
