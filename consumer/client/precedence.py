"""Answers before learning: who asks is waiting, and an event is not.

One interpreter serves both. A thread that has work gets it from the learner within half a
millisecond, and loses it again at each system call of its own: an answer would wait half a dozen
times. So the learner stands aside from the moment a request's bytes arrive to the moment when the
I/O thread that answers has nothing more to do, a few milliseconds at most.

Where there is no end of requests, that moment does not come. Then the I/O thread stands aside in
its turn, some milliseconds each time, so that learning keeps about half of its speed.
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
"""Seconds of the processor that the learner gets beside a flood of requests for each that the I/O
thread which answers them has had: so much leaves it half of its speed (benchmarks/flood.py)."""
LASTING_SECONDS = 0.02
"""A learner that has folded nothing for so long is at rest, and nothing is owed to it."""


class Precedence:
    """Whether an answer is being made, and the learner's way to respect it.

    Attributes:
        waited: Seconds that the learner has stood aside, in all.
    """

    def __init__(self) -> None:
        self.waited = 0.0
        self._answering = threading.Lock()
        self._ours = False
        # Processor seconds; each has one thread that writes it. What the learner is owed begins
        # anew, at no debt, where it was at rest or has had more than its share.
        self._answered = 0.0  # of the I/O thread
        self._even_at = (0.0, 0.0)  # of the I/O thread and of the learner, when nothing was owed
        self._owed = 0.0
        self._folded_at = -math.inf

    def begin(self) -> None:
        """Called by the I/O thread when it has got something to do."""
        self._ours = self._ours or self._answering.acquire(blocking=False)

    def end(self) -> None:
        """Called by the I/O thread when it has nothing more to do."""
        if self._ours:
            self._ours = False
            self._answering.release()

    def stand_aside(self) -> None:
        """Called by the I/O thread between two rounds of work: the learner gets its share.

        It waits only where it owes more than PATIENCE_SECONDS: while there is an end of requests,
        never.
        """
        self._answered = thread_time()
        at_rest = perf_counter() - self._folded_at > LASTING_SECONDS
        if self._owed > PATIENCE_SECONDS and not at_rest:
            self.end()
            time.sleep(min(self._owed, LASTING_SECONDS / 2))

    def after_answers(self, records: Sequence[Record]) -> Iterator[Record]:
        """The records in turn, a few at a time, each few after the answers of the moment."""
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
        """A few milliseconds at most."""
        started = perf_counter()
        if self._answering.acquire(timeout=PATIENCE_SECONDS):
            self._answering.release()
        self.waited += perf_counter() - started


class PrecedingSelector(Selector):
    """Of the client whose I/O thread answers.

    Args:
        precedence: Told when that thread has work.
    """

    def __init__(self, precedence: Precedence) -> None:
        super().__init__()
        self._precedence = precedence

    def select(self, timeout: float | None = None) -> Waiting:
        """As by a selector; to wait is to have nothing to do."""
        if timeout is None or timeout > 0:
            self._precedence.end()
        self._precedence.stand_aside()
        ready = super().select(timeout)
        if ready:
            self._precedence.begin()
        return ready

    def close(self) -> None:
        """Nobody stands aside for who is gone."""
        self._precedence.end()
        super().close()
