"""The follower's loop: the changelog in, the latest valid snapshot of every partition in memory.

What other instances own is served from here, and a partition that is taken over starts from here.
"""

import threading
from dataclasses import dataclass, replace
from time import monotonic

import structlog
from kafka import TopicPartition
from kafka.errors import KafkaError

from consumer.client import Consumer
from consumer.partition import PartitionView, Record
from consumer.poll import Pill, poll
from consumer.shared import Shared
from consumer.snapshot import DamagedError, ForeignError, Snapshot, read

POLL_MS = 200
LOOK_SECONDS = 1.0
RETRY_SECONDS = 0.5

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
        shared: What all loops share.
        consumer: Of the changelog, in no group.
        writer: The header of our own process's snapshots, which are passed over.
    """

    def __init__(self, shared: Shared, consumer: Consumer, writer: bytes) -> None:
        self._shared = shared
        self._topic = shared.settings.changelog_topic
        self._consumer = consumer
        self._writer = writer
        self._followed: dict[int, Followed] = {}
        self._positions: dict[int, int] = {}
        self._progress = threading.Condition()
        self._looked_at = 0.0
        self._ends: dict[int, int] | None = None
        self.loaded = threading.Event()  # all that the changelog held at the start is known

    def run(self, stop: threading.Event) -> None:
        """Follow until told to stop."""
        while not stop.is_set():
            self._shared.health.beat("follower", now=monotonic())
            try:
                self._turn()
            except KafkaError as error:
                log.warning("changelog not read, tried again", error=repr(error))
                stop.wait(RETRY_SECONDS)

    def _turn(self) -> None:
        self._cover()
        polled = poll(self._consumer, POLL_MS)
        if isinstance(polled, Pill):
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
        self._note_positions()
        self._look()

    def latest(self, partition: int, end: int, timeout_seconds: float) -> Followed | None:
        """What the changelog says of a partition up to its offset ``end``; None if not in time."""
        with self._progress:
            reached = self._progress.wait_for(
                lambda: self._positions.get(partition, -1) >= end, timeout_seconds
            )
            return self._followed.get(partition, Followed()) if reached else None

    def remember(self, snapshot: Snapshot, view: PartitionView) -> None:
        """A partition that we owned until now: go on from its state, till its new owner's comes."""
        self._offer(snapshot.partition, snapshot, view)

    def _cover(self) -> None:
        """Read every partition of the changelog, those that it has grown by too."""
        there = self._consumer.partitions_for_topic(self._topic)
        if there <= self._positions.keys():
            return
        numbers = sorted(there)
        self._consumer.assign([TopicPartition(self._topic, number) for number in numbers])
        starts = self._consumer.beginning_offsets(
            [TopicPartition(self._topic, number) for number in numbers]
        )
        if self._ends is None:
            ends = self._consumer.end_offsets(list(starts))
            self._ends = {at.partition: end for at, end in ends.items()}
        with self._progress:
            for at, start in starts.items():
                self._consumer.seek(at, self._positions.setdefault(at.partition, start))

    def _take(self, partition: int, record: Record) -> None:
        if dict(record.headers).get("writer") == self._writer:
            return
        recipe = self._shared.settings.recipe
        try:
            snapshot = read(record.value, partition, recipe)
            self._offer(partition, snapshot, snapshot.restore(recipe).view())
        except (DamagedError, ForeignError) as error:
            self._refuse(partition, record, error)

    def _offer(self, partition: int, snapshot: Snapshot, view: PartitionView) -> None:
        """Keep the snapshot if none has a higher position: any valid one is right for ever."""
        with self._progress:
            known = self._followed.get(partition, Followed())
            if known.latest is not None and known.latest.position > snapshot.position:
                return
            self._followed[partition] = replace(known, latest=snapshot)
        self._shared.served.follow(partition, view)

    def _refuse(self, partition: int, record: Record, error: DamagedError | ForeignError) -> None:
        foreign = str(error) if isinstance(error, ForeignError) else None
        self._shared.telemetry.snapshot_refused(foreign=foreign is not None)
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

    def _note_positions(self) -> None:
        with self._progress:
            for number in self._positions:
                position = self._consumer.position(TopicPartition(self._topic, number))
                if position is not None:
                    self._positions[number] = position
            self._progress.notify_all()
            ends = self._ends or {}
            if all(self._positions[number] >= end for number, end in ends.items()):
                self.loaded.set()

    def _look(self) -> None:
        """How far the partitions that others own are behind their logs."""
        if monotonic() - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = monotonic()
        events = self._shared.settings.events_topic
        followed = self._shared.served.followed()
        try:
            ends = self._consumer.end_offsets([TopicPartition(events, n) for n in followed])
        except KafkaError:
            return  # the watch tells that Kafka is away
        self._shared.telemetry.follows(
            {
                number: ends[TopicPartition(events, number)] - position
                for number, position in followed.items()
            }
        )
