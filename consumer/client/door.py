"""The way in to Kafka, seen from those who found it shut: why, told as a fault that lasts."""

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
"""What a look at the cluster may take."""

LOOK_SECONDS = 5.0
"""Between two looks at what is wrong: each is a login of its own, and may take seconds."""

NAMELESS_SECONDS = 5.0
"""What has no name may be a topic created a moment ago, or a leader that moves: for so long."""


class Door:
    """One for all loops; used by one thread at a time.

    Args:
        settings: Where Kafka is, and how it lets us in.
        faults: Where it is told.
        explain: Looks at what is wrong; asked only when something is.
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
        """A client that looks at the cluster, and gives up soon.

        Raises:
            KafkaError: It does not come in.
        """
        return connections.admin(self._settings, patience_ms=PATIENCE_MS)

    def shut(self, error: Exception, *, heard: bool = False) -> None:
        """A client could not come in. May block for some seconds.

        Args:
            error: What it says of it.
            heard: Whether another one hears Kafka all the same: then a broker may just have gone.
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
        """A client came in."""
        self._faults.over(ABOUT)
        self._look_at = self._clock()
        self._since = None
