"""Decides when a question is sent again. Pure: the time is an argument."""

from dataclasses import dataclass, field
from math import inf

UNACKNOWLEDGED_SECONDS = 1.0
"""How long to wait for Kafka's acknowledgement before sending it elsewhere; doubled each time."""

ACKNOWLEDGED_SECONDS = 3.0
"""How long to wait for an answer once Kafka has it: a slow service is not helped by more work."""

RETRY_SECONDS = (0.1, 0.5)
"""The pause after a failed send: the first, doubled each time up to the second."""


@dataclass(slots=True)
class Course:
    """The progress of one question.

    Attributes:
        once: Whether it must not be sent a second time.
        again_at: When it is to be sent, or sent again, in monotonic seconds.
        tried: The partitions it was sent to, in order.
        acknowledged: Whether Kafka has it.
        reason: Why the last send failed or was not possible.
    """

    once: bool
    again_at: float
    tried: list[int] = field(default_factory=list)
    acknowledged: bool = False
    reason: str = ""
    _patience: float = UNACKNOWLEDGED_SECONDS
    _pause: float = RETRY_SECONDS[0]

    def sent(self, partition: int, now: float) -> None:
        """It was given to Kafka's client, for this partition."""
        self.tried.append(partition)
        self.again_at = inf if self.once else now + self._patience
        self._patience *= 2

    def arrived(self, now: float) -> None:
        """Kafka has it."""
        self.acknowledged = True
        if not self.once:
            self.again_at = max(self.again_at, now + ACKNOWLEDGED_SECONDS)

    def failed(self, reason: str, now: float) -> None:
        """It could not be sent, or Kafka did not acknowledge it."""
        self.reason = reason
        if self.acknowledged or (self.once and self.tried):
            return  # Kafka has it, or may have it and would have it twice
        due = now + self._pause
        self.again_at = due if self.again_at <= now else min(self.again_at, due)
        self._pause = min(2 * self._pause, RETRY_SECONDS[1])
