"""Answers before learning: the learner pauses while a request is being answered. Fast path.

The learner and the I/O thread that answers share one interpreter. A thread that becomes ready waits
up to half a millisecond for the interpreter lock, and releases it at each of its system calls: an
answer would wait for the learner half a dozen times. So the learner pauses from the moment when
a request's bytes arrive until that I/O thread has nothing more to do; at most PATIENCE_SECONDS for
each SLICE of events.

Under a flood of requests the I/O thread always has something to do. Then it sleeps in its turn, so
that learning keeps about half of its speed.
"""

import math
import threading
import time
from collections.abc import Iterator, Sequence
from time import perf_counter, thread_time

from consumer.client.internals.sockets import Selector, Waiting
from consumer.decode import Record

SLICE = 16
PATIENCE_SECONDS = 0.004
SHARE = 1.5
"""Under a flood of requests, processor seconds of the learner for each of the answering I/O thread.
This leaves learning half of its speed (make bench BENCH="--only f")."""
LASTING_SECONDS = 0.02
"""A learner that has folded nothing for this long is idle, and is owed no processor time."""


class Precedence:
    """Tells the learner when to pause for an answer, and the I/O thread when to sleep.

    Where nobody calls ``begin`` (FAST_PATH=off), the learner never pauses.

    Attributes:
        waited: Seconds that the learner has paused, in all.
    """

    def __init__(self) -> None:
        self.waited = 0.0
        self._answering = threading.Lock()
        self._ours = False
        # Processor seconds; each attribute is written by one thread. The learner's debt starts
        # again at zero when it was idle or has had more than its share.
        self._answered = 0.0  # of the I/O thread
        self._even_at = (0.0, 0.0)  # of the I/O thread and of the learner, at the last zero
        self._owed = 0.0
        self._folded_at = -math.inf

    def begin(self) -> None:
        """Called by the I/O thread when it has work: the learner pauses."""
        self._ours = self._ours or self._answering.acquire(blocking=False)

    def end(self) -> None:
        """Called by the I/O thread when it has no more work: the learner goes on."""
        if self._ours:
            self._ours = False
            self._answering.release()

    def stand_aside(self) -> None:
        """Called by the I/O thread between two rounds of work: gives the learner its share.

        Sleeps only if it owes the learner more than PATIENCE_SECONDS, which happens under a flood
        of requests alone.
        """
        self._answered = thread_time()
        at_rest = perf_counter() - self._folded_at > LASTING_SECONDS
        if self._owed > PATIENCE_SECONDS and not at_rest:
            self.end()
            time.sleep(min(self._owed, LASTING_SECONDS / 2))

    def after_answers(self, records: Sequence[Record]) -> Iterator[Record]:
        """Yield the records; pause before each SLICE of them while a request is being answered."""
        if perf_counter() - self._folded_at > LASTING_SECONDS:
            self._begin_even()
        for start in range(0, len(records), SLICE):
            if self._answering.locked():
                self._wait_for_answers()
            yield from records[start : start + SLICE]
            self._settle()

    def _settle(self) -> None:
        answered, learned = self._even_at
        self._owed = SHARE * (self._answered - answered) - (thread_time() - learned)
        if self._owed < 0:
            self._begin_even()
        self._folded_at = perf_counter()

    def _begin_even(self) -> None:
        self._even_at, self._owed = (self._answered, thread_time()), 0.0

    def _wait_for_answers(self) -> None:
        """Pause the learner for PATIENCE_SECONDS at most."""
        started = perf_counter()
        if self._answering.acquire(timeout=PATIENCE_SECONDS):
            self._answering.release()
        self.waited += perf_counter() - started


class PrecedingSelector(Selector):
    """The selector of the requests' consumer, whose I/O thread answers them.

    Args:
        precedence: Told when the I/O thread has work, and when it has none.
    """

    def __init__(self, precedence: Precedence) -> None:
        super().__init__()
        self._precedence = precedence

    def select(self, timeout: float | None = None) -> Waiting:
        """Wait until a registered socket is ready; while it waits, the thread has no work."""
        if timeout is None or timeout > 0:
            self._precedence.end()
        self._precedence.stand_aside()
        ready = super().select(timeout)
        if ready:
            self._precedence.begin()
        return ready

    def close(self) -> None:
        """Close it; the learner pauses no more."""
        self._precedence.end()
        super().close()
