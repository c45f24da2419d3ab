"""How old what a partition's learner has not learned yet may be; pure."""

import math
from dataclasses import dataclass

MILLISECOND = 0.001


@dataclass(slots=True)
class Age:
    """A partition's lag in seconds, by the timestamps of its records.

    A record's timestamp is its sender's word: one from the future counts as of the time at which
    the record was learned. While the partition is behind, its oldest record that is not learned
    came after the last that was, and after the partition was last seen caught up; after a restart
    neither is known, and the lag is at least the time since. So the first event after a quiet day
    makes no lag of a day.

    Attributes:
        learned_to: The time of the last record learned, at first of the restore; seconds since the
            epoch.
        caught_up_at: When nothing was left to learn, last; seconds since the epoch.
    """

    learned_to: float
    caught_up_at: float = -math.inf

    def learned(self, timestamp_ms: int, *, now: float) -> None:
        """Records up to one of this timestamp are learned; -1 for a record that has none."""
        self.learned_to = min(timestamp_ms * MILLISECOND, now) if timestamp_ms >= 0 else now

    def seconds(self, lag: int | None, *, now: float) -> float:
        """The lag in seconds, given that in records; NaN if that is not known."""
        if lag is None:
            return math.nan
        if lag == 0:
            self.caught_up_at = now
            return 0.0
        return max(0.0, now - max(self.learned_to, self.caught_up_at))
