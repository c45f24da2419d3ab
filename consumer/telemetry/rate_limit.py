"""Rate-limits the log's warnings and errors, as clients can cause them at will."""

import threading
from collections import Counter
from collections.abc import Callable
from time import monotonic

import structlog
from structlog.typing import EventDict, WrappedLogger

MINUTE_SECONDS = 60.0
LINES = 20
"""Per event and minute. The next line after that tells how many were suppressed."""

SEPARATE_KEYS = ("about", "setting")
"""Keys whose values have limits of their own; their values never come from a client."""


class RateLimit:
    """A structlog processor that limits the warnings and errors of each event; thread-safe.

    Args:
        clock: Monotonic seconds.

    Attributes:
        unsaid: The number of suppressed lines, by event.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self.unsaid: Counter[str] = Counter()
        self._clock = clock
        self._lock = threading.Lock()
        self._began: dict[str, float] = {}
        self._said: Counter[str] = Counter()
        self._since: Counter[str] = Counter()

    def __call__(self, _logger: WrappedLogger, method: str, line: EventDict) -> EventDict:
        """Pass the line on.

        Raises:
            DropEvent: The limit is reached.
        """
        if method in ("debug", "info"):
            return line
        event = str(line["event"])
        of = " ".join([event, *(str(line[name]) for name in SEPARATE_KEYS if name in line)])
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
