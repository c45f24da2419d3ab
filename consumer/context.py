"""What all loops share."""

from dataclasses import dataclass

from consumer.client import Permissions, Precedence
from consumer.model import Served
from consumer.settings import Settings
from consumer.telemetry import Health, Telemetry


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
    """

    settings: Settings
    served: Served
    telemetry: Telemetry
    health: Health
    precedence: Precedence
    permissions: Permissions
