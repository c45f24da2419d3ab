"""Lasting faults: logged when they begin, once a minute while they last, and when they end."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic

import structlog

REPEAT_SECONDS = 60.0

log = structlog.get_logger()


class FaultKind(StrEnum):
    """The kind of a fault: the label of ``riverline_faults_total``."""

    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    CERTIFICATE = "certificate"
    PERMISSION = "permission"
    LEADERLESS = "leaderless"
    TOPIC = "topic"


@dataclass(slots=True)
class Fault:
    """A lasting fault.

    Attributes:
        kind: What is at fault.
        sentence: What is wrong, for the operator; contains no secret.
        unready: Whether the service is not ready while it lasts.
        since: When it began, seconds of a monotonic clock.
        logged_at: When it was last logged, by the same clock.
    """

    kind: FaultKind
    sentence: str
    unready: bool
    since: float
    logged_at: float


class Faults:
    """The current faults, by subject; thread-safe.

    Args:
        clock: Monotonic seconds.

    Attributes:
        counts: How often each kind was seen.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self.counts: Counter[FaultKind] = Counter(dict.fromkeys(FaultKind, 0))
        self._clock = clock
        self._lock = threading.Lock()
        self._lasting: dict[str, Fault] = {}

    def saw(self, about: str, kind: FaultKind, sentence: str, *, unready: bool = True) -> None:
        """Report a fault; to be called each time it is seen.

        Args:
            about: The subject of the fault; the latest fault of each subject is kept.
            kind: What is at fault.
            sentence: What is wrong, and what to do about it.
            unready: Whether the service is not ready while it lasts.
        """
        now = self._clock()
        with self._lock:
            self.counts[kind] += 1
            known = self._lasting.get(about)
            same = known is not None and known.sentence == sentence
            since = known.since if known is not None else now
            due = known is None or not same or now - known.logged_at >= REPEAT_SECONDS
            logged_at = now if due or known is None else known.logged_at
            self._lasting[about] = Fault(kind, sentence, unready, since, logged_at)
        if due:
            log.error("fault", about=about, kind=str(kind), reason=sentence)

    def over(self, about: str) -> None:
        """Report that the subject is all right; nothing happens if it had no fault."""
        with self._lock:
            fault = self._lasting.pop(about, None)
        if fault is not None:
            seconds = round(self._clock() - fault.since, 1)
            log.info("recovered", about=about, after_seconds=seconds)

    def unready(self) -> list[str]:
        """The sentences of the faults that make the service not ready."""
        with self._lock:
            return [fault.sentence for fault in self._lasting.values() if fault.unready]
