"""When a question is sent again: pure, the time is an argument."""

from dataclasses import dataclass, field
from math import inf

UNACKNOWLEDGED_SECONDS = 1.0
"""Kafka has not taken it: then it is sent again elsewhere, next after twice as long, and so on."""

ACKNOWLEDGED_SECONDS = 3.0
"""Kafka has it, and nobody answers: more patience, for who is slow is not helped by more to do."""

RETRY_SECONDS = (0.1, 0.5)
"""After a send that failed: at first, and at most, each time twice as long."""


@dataclass(slots=True)
class Course:
    """What became of one question so far.

    Attributes:
        once: It may not be handed to Kafka a second time.
        again_at: When it is to be sent, or sent again, in monotonic seconds.
        tried: The partitions it was sent to, the last one last.
        acknowledged: Whether Kafka has it.
        reason: Why the last send failed, or none was possible.
    """

    once: bool
    again_at: float
    tried: list[int] = field(default_factory=list)
    acknowledged: bool = False
    reason: str = ""
    _patience: float = UNACKNOWLEDGED_SECONDS
    _pause: float = RETRY_SECONDS[0]

    def sent(self, partition: int, now: float) -> None:
        """It was handed to Kafka's client, for this partition."""
        self.tried.append(partition)
        self.again_at = inf if self.once else now + self._patience
        self._patience *= 2

    def arrived(self, now: float) -> None:
        """Kafka has it."""
        self.acknowledged = True
        if not self.once:
            self.again_at = max(self.again_at, now + ACKNOWLEDGED_SECONDS)

    def failed(self, reason: str, now: float) -> None:
        """It was not handed over, or Kafka did not confirm it."""
        self.reason = reason
        if self.acknowledged or (self.once and self.tried):
            return  # Kafka has it; or may have it, and would have it twice
        due = now + self._pause
        self.again_at = due if self.again_at <= now else min(self.again_at, due)
        self._pause = min(2 * self._pause, RETRY_SECONDS[1])
