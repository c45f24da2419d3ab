"""Answers before learning: who asks is waiting, and an event is not.

One interpreter serves both. A thread that has work gets it from the learner within half a
millisecond, and loses it again at each system call of its own: an answer would wait half a dozen
times. So the learner stands aside from the moment a request's bytes arrive to the moment when the
I/O thread that answers has nothing more to do, a few milliseconds at most.
"""

import threading
from collections.abc import Iterator, Sequence

from consumer.partition import Record
from consumer.transport import Selector, Waiting

SLICE = 16
PATIENCE_SECONDS = 0.004


class Precedence:
    """Whether an answer is being made, and the learner's way to respect it."""

    def __init__(self) -> None:
        self._answering = threading.Lock()
        self._ours = False

    def begin(self) -> None:
        """Called by the I/O thread when it has got something to do."""
        self._ours = self._ours or self._answering.acquire(blocking=False)

    def end(self) -> None:
        """Called by the I/O thread when it has nothing more to do."""
        if self._ours:
            self._ours = False
            self._answering.release()

    def after_answers(self, records: Sequence[Record]) -> Iterator[Record]:
        """The records in turn, a few at a time, each few after the answers of the moment."""
        for start in range(0, len(records), SLICE):
            if self._answering.locked() and self._answering.acquire(timeout=PATIENCE_SECONDS):
                self._answering.release()
            yield from records[start : start + SLICE]


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
        ready = super().select(timeout)
        if ready:
            self._precedence.begin()
        return ready

    def close(self) -> None:
        """Nobody stands aside for who is gone."""
        self._precedence.end()
        super().close()
