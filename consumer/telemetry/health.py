"""Liveness and readiness, from what the loops report."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from consumer.telemetry.faults import Faults

MAX_SILENCE_SECONDS = 60.0
"""A loop that has not turned for so long is dead; kafka-python's own waits are shorter."""

MAX_BEHIND = 10_000
"""The most records behind the end of the log at which the service counts as caught up."""


MIN_UNSAVED_SECONDS = 3.0
"""State that has been unsaved for less than this raises no alarm, whatever the checkpoint interval:
a partition's leader may be moving."""


MAX_REPLY_SECONDS = 10.0
"""A reply that is in flight for longer counts as not delivered."""


@dataclass(slots=True)
class Unsaved:
    """Unsaved progress of a partition.

    Attributes:
        since: Seconds of a monotonic clock.
        reason: Why it is unsaved, as far as known.
    """

    since: float
    reason: str


FRESH_SECONDS = 3.0
"""A log's end that Kafka reported longer ago counts as not known."""


@dataclass(frozen=True, slots=True)
class LogEnd:
    """Where a partition's log ends.

    Attributes:
        offset: The offset of the next record.
        at: When Kafka reported it, seconds of a monotonic clock.
    """

    offset: int
    at: float


@dataclass(slots=True)
class Health:
    """The facts that readiness rests on; each is written by one thread.

    Attributes:
        unsaved_seconds: How long state may stay unsaved: three checkpoint intervals.
        unsaved: The unsaved progress, by partition and part of its state.
        beats: When each loop last turned, seconds of a monotonic clock.
        kafka: Whether Kafka answered the last request.
        assignment: Whether the group has assigned partitions to us, by loop.
        answered_by: The application that answers the requests instead of us, if any.
        unrestored: Our partitions that are not restored yet, as without a leader.
        ends: The log ends of the events topic's partitions.
        cut_off: The partitions of the events topic that have no leader.
        stale: For how many seconds the log end has not been known, by partition; None if it never
            was. Partitions whose end is known are absent.
        behind: The lag in records over all partitions whose end is known; None before any is.
        unknown: Our partitions whose log end is not known now.
        oldest_reply: When the oldest unacknowledged reply to the replies topic was sent; None if
            there is none.
        faults: The current faults.
        leaderless: The number of partitions without a leader, by topic.
    """

    unsaved_seconds: float = MIN_UNSAVED_SECONDS
    unsaved: dict[tuple[int, str], Unsaved] = field(default_factory=dict)
    beats: dict[str, float] = field(default_factory=dict)
    kafka: bool = False
    assignment: dict[str, bool] = field(default_factory=dict)
    answered_by: str = ""
    unrestored: frozenset[int] = frozenset()
    ends: dict[int, LogEnd] = field(default_factory=dict)
    cut_off: frozenset[int] = frozenset()
    stale: Mapping[str, float | None] = field(default_factory=dict)
    behind: int | None = None
    unknown: frozenset[int] = frozenset()
    oldest_reply: float | None = None
    faults: Faults = field(default_factory=Faults)
    leaderless: dict[str, int] = field(default_factory=dict)

    def beat(self, loop: str, *, now: float) -> None:
        """A loop has turned."""
        self.beats[loop] = now

    def heard(self, *, now: float) -> bool:
        """Whether a broker has reported a log end within FRESH_SECONDS."""
        return any(now - end.at <= FRESH_SECONDS for end in self.ends.copy().values())

    def note_ends(self, found: Mapping[int, int], led: Mapping[int, bool], *, now: float) -> None:
        """Note the log ends that Kafka reported, and which partitions have a leader."""
        self.ends |= {number: LogEnd(end, now) for number, end in found.items()}
        self.cut_off = frozenset(number for number, is_led in led.items() if not is_led)
        stale: dict[str, float | None] = {}
        for number in led:
            end = self.ends.get(number)
            if end is None:
                stale[str(number)] = None
            elif number in self.cut_off or now - end.at > FRESH_SECONDS:
                stale[str(number)] = round(now - end.at, 1)
        self.stale = stale

    def lag(self, partition: int, position: int, *, now: float) -> int | None:
        """Records from a position to the end of the partition's log; None if not known."""
        end = self.ends.get(partition)
        if end is None or partition in self.cut_off or now - end.at > FRESH_SECONDS:
            return None
        return max(0, end.offset - position)


def silent_loops(beats: Mapping[str, float], *, now: float) -> list[str]:
    """The loops that have not turned for MAX_SILENCE_SECONDS."""
    return [
        f"{loop} has not turned for {now - beat:.0f} s"
        for loop, beat in list(beats.items())
        if now - beat > MAX_SILENCE_SECONDS
    ]


def not_ready(health: Health, *, now: float) -> list[str]:
    """Why the service is not ready, a sentence each; empty if it is ready."""
    reasons = silent_loops(health.beats, now=now)
    if not health.kafka:
        reasons.append("Kafka does not answer")
    waiting = [loop for loop, assigned in list(health.assignment.items()) if not assigned]
    if health.answered_by:
        reasons.append(f"standing by: application {health.answered_by} answers the requests")
        waiting = [loop for loop in waiting if loop != "responder"]
    if waiting or not health.assignment:
        reasons.append(f"no assignment yet: {', '.join(waiting) or 'not started'}")
    if health.unrestored:
        reasons.append(f"not restored yet: {listed(health.unrestored)}")
    if health.unknown:
        reasons.append(f"the end of the log is not known: {listed(health.unknown)}")
    if health.behind is None:
        reasons.append("the end of the log is not known yet")
    elif health.behind > MAX_BEHIND:
        reasons.append(f"{health.behind} records behind, more than {MAX_BEHIND}")
    oldest = health.oldest_reply
    if oldest is not None and now - oldest > MAX_REPLY_SECONDS:
        reasons.append(f"replies have not been delivered for {now - oldest:.0f} s")
    reasons += health.faults.unready()
    return reasons + [
        f"partition {number} has not been saved for {now - unsaved.since:.0f} s: {unsaved.reason}"
        for (number, _part), unsaved in sorted(health.unsaved.copy().items())
        if now - unsaved.since > max(health.unsaved_seconds, MIN_UNSAVED_SECONDS)
    ]


def listed(numbers: Collection[int]) -> str:
    """Partition numbers in words."""
    word = "partition" if len(numbers) == 1 else "partitions"
    return f"{word} {', '.join(map(str, sorted(numbers)))}"
