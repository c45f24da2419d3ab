"""Reports as a fault why no connection to Kafka can be made."""

from collections.abc import Callable
from time import monotonic

from consumer.client import connections
from consumer.client.protocols import Admin
from consumer.settings import Settings
from consumer.telemetry import FaultKind, Faults
from contract.diagnose import DoorKind, Shut
from contract.environment import Environment
from contract.probe import explain

ABOUT = "the way in to Kafka"

PATIENCE_MS = 3000
"""Time limit of an admin request."""

LOOK_SECONDS = 5.0
"""Time between two probes: each logs in to the brokers and may take seconds."""

NAMELESS_SECONDS = 5.0
"""An error that a probe does not explain is reported only if it lasts this long: a topic may just
have been created, or a leader may be moving."""


class Door:
    """The state of the way in; one for all loops, used by one thread at a time.

    Args:
        settings: Kafka's addresses and our login.
        faults: Where the reason is reported.
        explain: Probes the brokers for the reason; called only after a failure.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        settings: Settings,
        faults: Faults,
        explain: Callable[[Environment], Shut | None] = explain,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._settings = settings
        self._faults = faults
        self._explain = explain
        self._clock = clock
        self._shut: Shut | None = None
        self._look_at = clock()
        self._since: float | None = None

    def admin(self) -> Admin:
        """Open an admin client with a short timeout.

        Raises:
            KafkaError: It cannot connect.
        """
        return connections.admin(self._settings, patience_ms=PATIENCE_MS)

    def shut(self, error: Exception, *, heard: bool = False) -> None:
        """Called when a client could not connect. May block for some seconds.

        Args:
            error: What the client raised.
            heard: Whether another client is connected: then an unreachable broker is no fault.
        """
        if self._since is None:
            self._since = self._clock()
        if self._clock() >= self._look_at:
            self._shut = self._explain(self._settings)
            self._look_at = self._clock() + LOOK_SECONDS
        if self._shut is None and self._clock() - self._since < NAMELESS_SECONDS:
            return
        shut = self._shut or Shut(
            DoorKind.UNREACHABLE, f"Kafka is there, but not usable yet ({type(error).__name__})"
        )
        if not heard or shut.kind is not DoorKind.UNREACHABLE:
            self._faults.saw(ABOUT, FaultKind(shut.kind), shut.sentence)

    def opened(self) -> None:
        """Called when a client has connected: the fault is over."""
        self._faults.over(ABOUT)
        self._look_at = self._clock()
        self._since = None
