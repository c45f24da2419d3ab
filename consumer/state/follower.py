"""The follower's loop: the changelog in, the latest valid snapshot of every partition in memory.

What other instances own is served from here, and a partition that is taken over starts from here.
"""

import math
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from time import monotonic

import structlog
from kafka import TopicPartition
from kafka.errors import AuthorizationError, KafkaError

from consumer.client import NO_LEADER, Consumer, SkippedRecord, leader_of, offsets, poll
from consumer.context import Context
from consumer.decode import Record
from consumer.model import PartitionView
from consumer.state.snapshot import DamagedError, ForeignError, Snapshot, read

POLL_MS = 50  # a partition that is taken over waits for a turn or two
LOOK_SECONDS = 1.0
RETRY_SECONDS = 0.5
AWAY_SECONDS = 5.0
"""A partition without a leader for so long is not waited for before requests are answered."""

Ends = dict[int, int | None]
"""Offsets by partition; None where the broker is still to be asked."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Followed:
    """What the changelog says of one partition.

    Attributes:
        latest: The valid snapshot with the highest position, if there is any.
        foreign: Why an intact snapshot is not for us, if one is not.
        damaged: How many records were no snapshots.
    """

    latest: Snapshot | None = None
    foreign: str | None = None
    damaged: int = 0


class Follower:
    """Reads all of the changelog, and goes on reading.

    Args:
        context: What all loops share.
        consumer: Of the changelog, in no group.
        writer: The header of our own process's snapshots, which are passed over.
        partitions: How many the changelog has.
    """

    def __init__(
        self, context: Context, consumer: Consumer, writer: bytes, partitions: int
    ) -> None:
        self._context = context
        self._topic = context.settings.changelog_topic
        self._consumer = consumer
        self._writer = writer
        self._wide = partitions
        self._followed: dict[int, Followed] = {}
        self._positions: dict[int, int] = {}
        self._initial: Ends = {}  # what the changelog held at the start
        self._awaited: Ends = {}  # what the learner waits for
        self._progress = threading.Condition()
        self._away: dict[int, float] = {}  # those without a leader, since when
        self._asked_at = self._looked_at = -math.inf
        self.loaded = threading.Event()  # all that can be known of what the changelog held is

    def run(self, stop: threading.Event) -> None:
        """Follow until told to stop."""
        while not stop.is_set():
            self._context.health.beat("follower", now=monotonic())
            try:
                self._turn()
            except AuthorizationError:  # the watch tells of it
                stop.wait(RETRY_SECONDS)
            except KafkaError as error:
                log.warning("changelog not read, tried again", error=repr(error))
                stop.wait(RETRY_SECONDS)

    def _turn(self) -> None:
        self._cover()
        polled = poll(self._consumer, POLL_MS)
        if isinstance(polled, SkippedRecord):
            detail, offset = polled.why.detail, polled.record.offset
            log.warning(
                "changelog not readable",
                partition=polled.at.partition,
                offset=offset,
                detail=detail,
            )
        else:
            for at, records in polled.items():
                for record in records:
                    self._take(at.partition, record)
        self._note_progress()
        self._look()

    def widen(self, partitions: int) -> None:
        """The changelog has grown; called by the watch."""
        self._wide = max(self._wide, partitions)

    def covers(self, partition: int) -> bool:
        """Whether the changelog is known to have this partition."""
        return partition < self._wide

    def expect(self, partitions: Iterable[int]) -> None:
        """Look up where these partitions of the changelog end: ``latest`` will be asked of them."""
        with self._progress:
            for partition in partitions:
                self._awaited.setdefault(partition, None)

    def latest(self, partition: int, timeout_seconds: float) -> Followed | None:
        """What the changelog says of a partition up to its end as of now; None if not in time.

        Called again after None, it goes on waiting for the same end.
        """
        with self._progress:
            self._awaited.setdefault(partition, None)
            reached = self._progress.wait_for(
                lambda: self._is_reached(partition, self._awaited[partition]), timeout_seconds
            )
            if not reached:
                return None
            del self._awaited[partition]
            return self._followed.get(partition, Followed())

    def _is_reached(self, partition: int, end: int | None) -> bool:
        return end is not None and self._positions.get(partition, -1) >= end

    def remember(self, snapshot: Snapshot, view: PartitionView) -> None:
        """A partition that we owned until now: go on from its state, till its new owner's comes."""
        self._offer(snapshot.partition, snapshot, view)

    def _cover(self) -> None:
        """Read every partition of the changelog, those that it has grown by too."""
        new = [number for number in range(self._wide) if number not in self._positions]
        if not new or monotonic() - self._asked_at < RETRY_SECONDS:
            return
        self._asked_at = monotonic()
        starts = offsets.beginnings(self._consumer, map(self._place, new))
        if not starts:
            return
        with self._progress:
            self._positions |= {at.partition: start for at, start in starts.items()}
        self._consumer.assign([self._place(number) for number in self._positions])
        for number, position in self._positions.items():
            self._consumer.seek(self._place(number), position)

    def _place(self, number: int) -> TopicPartition:
        return TopicPartition(self._topic, number)

    def _take(self, partition: int, record: Record) -> None:
        if dict(record.headers).get("writer") == self._writer:
            return
        spec = self._context.settings.spec
        try:
            snapshot = read(record.value, partition, spec)
            self._offer(partition, snapshot, snapshot.restore(spec).view())
        except (DamagedError, ForeignError) as error:
            self._refuse(partition, record, error)

    def _offer(self, partition: int, snapshot: Snapshot, view: PartitionView) -> None:
        """Keep the snapshot if none has a higher position: any valid one is right for ever."""
        with self._progress:
            known = self._followed.get(partition, Followed())
            if known.latest is not None and known.latest.position > snapshot.position:
                return
            self._followed[partition] = replace(known, latest=snapshot)
        self._context.served.follow(partition, view)

    def _refuse(self, partition: int, record: Record, error: DamagedError | ForeignError) -> None:
        foreign = str(error) if isinstance(error, ForeignError) else None
        self._context.telemetry.snapshot_refused(foreign=foreign is not None)
        log.warning(
            "snapshot passed over",
            topic=self._topic,
            partition=partition,
            offset=record.offset,
            reason=str(error),
        )
        with self._progress:
            known = self._followed.get(partition, Followed())
            self._followed[partition] = replace(
                known,
                foreign=foreign or known.foreign,
                damaged=known.damaged + (foreign is None),
            )

    def _note_progress(self) -> None:
        """Where we are, and where the ends are that somebody waits for."""
        positions = {
            number: offsets.position(self._consumer, self._place(number))
            for number in self._positions
        }
        with self._progress:
            if not self.loaded.is_set():
                for number in range(self._wide):
                    self._initial.setdefault(number, None)
            asked = [
                self._place(number)
                for number in self._positions
                if None in (self._awaited.get(number, 0), self._initial.get(number, 0))
            ]
        found = offsets.ends(self._consumer, asked)
        with self._progress:
            self._positions |= {n: at for n, at in positions.items() if at is not None}
            for ends in (self._awaited, self._initial):
                ends |= {
                    at.partition: end
                    for at, end in found.items()
                    if ends.get(at.partition, 0) is None
                }
            self._progress.notify_all()
        if not self.loaded.is_set() and self._is_loaded():
            self.loaded.set()

    def _is_loaded(self) -> bool:
        """Whether all of what the changelog held at the start is known, or has no leader."""
        now = monotonic()
        for number in range(self._wide):
            if leader_of(self._consumer, self._place(number)) == NO_LEADER:
                self._away.setdefault(number, now)
            else:
                self._away.pop(number, None)
        return all(
            self._is_reached(number, end) or now - self._away.get(number, now) >= AWAY_SECONDS
            for number, end in self._initial.items()
        )

    def _look(self) -> None:
        """Where the events' logs end, and how far those that others own are behind."""
        if monotonic() - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = monotonic()
        events = self._context.settings.events_topic
        places = [TopicPartition(events, number) for number in range(self._wide)]
        found = offsets.ends(self._consumer, places)
        health, now = self._context.health, monotonic()
        health.note_ends(
            {at.partition: end for at, end in found.items()},
            {at.partition: leader_of(self._consumer, at) != NO_LEADER for at in places},
            now=now,
        )
        self._context.telemetry.follows(
            {
                number: health.lag(number, position, now=now)
                for number, position in self._context.served.followed().items()
            }
        )
