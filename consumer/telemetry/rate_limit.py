"""Lines that others can cause as often as they like are said a few times a minute, then counted."""

import threading
from collections import Counter
from collections.abc import Callable
from time import monotonic

import structlog
from structlog.typing import EventDict, WrappedLogger

MINUTE_SECONDS = 60.0
LINES = 20
"""Of one event in a minute. What is counted meanwhile stands in the first line after it."""

TELL_APART = ("about", "setting")
"""Values of ours, never of a sender's, whose lines are counted apart."""


class RateLimit:
    """A structlog processor: bounds the warnings and errors of each event.

    Args:
        clock: Monotonic seconds.

    Attributes:
        unsaid: How many lines of each event were not said.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self.unsaid: Counter[str] = Counter()
        self._clock = clock
        self._lock = threading.Lock()
        self._began: dict[str, float] = {}
        self._said: Counter[str] = Counter()
        self._since: Counter[str] = Counter()

    def __call__(self, _logger: WrappedLogger, method: str, line: EventDict) -> EventDict:
        """The line, if it is to be said.

        Raises:
            DropEvent: It is not.
        """
        if method in ("debug", "info"):
            return line
        event = str(line["event"])
        of = " ".join([event, *(str(line[name]) for name in TELL_APART if name in line)])
        now = self._clock()
        with self._lock:
            if now - self._began.get(of, now - MINUTE_SECONDS) >= MINUTE_SECONDS:
                self._began[of], self._said[of] = now, 0
            if self._said[of] >= LINES:
                self.unsaid[event] += 1
                self._since[of] += 1
                raise structlog.DropEvent
            self._said[of] += 1
            if unsaid := self._since.pop(of, 0):
                line["unsaid"] = unsaid
        return line
