"""Is the process alive, and is it ready: what the loops report, and what follows from it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from consumer.telemetry.faults import Faults

MAX_SILENCE_SECONDS = 60.0
"""A loop that has not turned for so long is dead; kafka-python's own waits end before."""

MAX_BEHIND = 10_000
"""Records behind the log's end up to which the service counts as caught up."""


MIN_UNSAVED_SECONDS = 3.0
"""State that waits no longer than this to be saved is no reason for alarm, however often it should
be: a broker's leader may have moved."""


MAX_REPLY_SECONDS = 10.0
"""A reply that is on its way for longer is one that Kafka does not take."""


@dataclass(slots=True)
class Unsaved:
    """Progress of a partition that is not saved.

    Attributes:
        since: Seconds of a monotonic clock.
        reason: Why, as far as is known.
    """

    since: float
    reason: str


FRESH_SECONDS = 3.0
"""What Kafka told of a log's end longer ago is not known any more."""


@dataclass(frozen=True, slots=True)
class LogEnd:
    """Where a partition's log ends.

    Attributes:
        offset: Of the next record to come.
        at: When Kafka said so, seconds of a monotonic clock.
    """

    offset: int
    at: float


@dataclass(slots=True)
class Health:
    """Facts, each written by one thread.

    Attributes:
        unsaved_seconds: For how long state may stay unsaved: three checkpoint intervals.
        unsaved: Partitions whose progress is to be saved.
        beats: Loop by name: when it last turned, seconds of a monotonic clock.
        kafka: Whether Kafka answered when it was last asked.
        assignment: Whether the groups have given us our part, by loop.
        answered_by: The application that answers the requests in our place, if one does.
        unrestored: Partitions of ours that are not restored yet, as where they have no leader.
        ends: Where the logs of the events topic's partitions end.
        cut_off: Those of these partitions that have no leader.
        stale: Partitions whose log's end is not known now: since how many seconds, by number; None
            where it was never known.
        behind: Records behind the logs' ends, of partitions whose end is known; None until it is.
        unknown: Partitions of ours whose log's end is not known now.
        oldest_reply: When the oldest reply that Kafka has not taken set out, of those to the
            replies topic; None where there is none.
        faults: What is wrong now, by name.
        leaderless: How many partitions of each of our topics have no leader.
    """

    unsaved_seconds: float = MIN_UNSAVED_SECONDS
    unsaved: dict[int, Unsaved] = field(default_factory=dict)
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
        """Whether any broker has told of a log's end just now."""
        return any(now - end.at <= FRESH_SECONDS for end in self.ends.copy().values())

    def note_ends(self, found: Mapping[int, int], led: Mapping[int, bool], *, now: float) -> None:
        """Kafka has told of these ends; of each partition, whether it has a leader."""
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
        """Records from a position to the end of the partition's log; None: it is not known now."""
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
    """Why the service is not ready, a sentence each; none when it is."""
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
        for number, unsaved in sorted(health.unsaved.copy().items())
        if now - unsaved.since > max(health.unsaved_seconds, MIN_UNSAVED_SECONDS)
    ]


def listed(numbers: Collection[int]) -> str:
    """Partitions in words."""
    word = "partition" if len(numbers) == 1 else "partitions"
    return f"{word} {', '.join(map(str, sorted(numbers)))}"
