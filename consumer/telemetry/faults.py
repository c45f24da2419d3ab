"""Faults that last: told when they begin, once a minute while they last, and when they are over."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic

import structlog

TELL_SECONDS = 60.0

log = structlog.get_logger()


class FaultKind(StrEnum):
    """What is at fault, for whoever counts them."""

    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    CERTIFICATE = "certificate"
    PERMISSION = "permission"
    LEADERLESS = "leaderless"
    TOPIC = "topic"


@dataclass(slots=True)
class Fault:
    """One that lasts.

    Attributes:
        kind: What is at fault.
        sentence: What is wrong, for those who run the service; names no secret.
        unready: Whether something is lost, unsaved or unanswered while it lasts.
        since: When it began, seconds of a monotonic clock.
        told: When the log told of it last, by the same clock.
    """

    kind: FaultKind
    sentence: str
    unready: bool
    since: float
    told: float


class Faults:
    """Those of now, by what they are about; may be used by any thread.

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
        """Note what is wrong with something; called each time when it is seen.

        Args:
            about: What it is wrong with: one fault is kept of each, the latest.
            kind: What is at fault.
            sentence: What is wrong, and what would mend it.
            unready: Whether the service is not ready while it lasts.
        """
        now = self._clock()
        with self._lock:
            self.counts[kind] += 1
            known = self._lasting.get(about)
            same = known is not None and known.sentence == sentence
            since = known.since if known is not None else now
            due = known is None or not same or now - known.told >= TELL_SECONDS
            told = now if due or known is None else known.told
            self._lasting[about] = Fault(kind, sentence, unready, since, told)
        if due:
            log.error("fault", about=about, kind=str(kind), reason=sentence)

    def over(self, about: str) -> None:
        """It is right again, if it ever was wrong."""
        with self._lock:
            fault = self._lasting.pop(about, None)
        if fault is not None:
            seconds = round(self._clock() - fault.since, 1)
            log.info("recovered", about=about, after_seconds=seconds)

    def unready(self) -> list[str]:
        """The sentences for which the service is not ready."""
        with self._lock:
            return [fault.sentence for fault in self._lasting.values() if fault.unready]
