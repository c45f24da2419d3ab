"""The follower's loop: it reads the changelog and keeps each partition's latest valid snapshots.

What other instances own is answered from these snapshots, and a partition that we take over starts
from its two.
"""

import math
import threading
from collections.abc import Iterable
from time import monotonic

import structlog
from kafka import TopicPartition
from kafka.errors import AuthorizationError, KafkaError

from consumer.client import NO_LEADER, Consumer, leader_of, offsets, poll
from consumer.context import Context
from consumer.model import Partition
from consumer.state.ends import Ends
from consumer.state.log_ends import note_log_ends
from consumer.state.memory import Memory
from consumer.state.restore import Followed

POLL_MS = 50  # a takeover waits for a turn or two
PACE_SECONDS = 0.1
"""The time between two polls while nobody waits: the snapshots of many partitions come one by one,
and a poll costs as much for one as for all."""
LOOK_SECONDS = 1.0
RETRY_SECONDS = 0.5
AWAY_SECONDS = 5.0
"""How long a partition must have had no leader before answering begins without it."""

log = structlog.get_logger()


class Follower:
    """Reads the whole changelog, and goes on reading.

    ``run`` is one thread's; ``latest``, ``expect``, ``remember`` and ``widen`` may be called by
    others.

    Args:
        context: What all loops share.
        consumer: Reads the changelog, in no group.
        writer: The header value of our own process's snapshots, which are passed over.
        partition_count: The changelog's.

    Attributes:
        loaded: Set when all snapshots that the changelog held at the start are known, but for
            partitions without a leader.
    """

    def __init__(
        self, context: Context, consumer: Consumer, writer: bytes, partition_count: int
    ) -> None:
        self.loaded = threading.Event()
        self._context = context
        self._topic = context.settings.changelog_topic
        self._consumer = consumer
        self._memory = Memory(context, writer)
        self._partition_count = partition_count
        self._asked_at = self._looked_at = -math.inf
        self._resting: set[int] = set()
        self._leaderless_since: dict[int, float] = {}
        # Shared with the threads that wait for a partition's end:
        self._progress = threading.Condition()
        self._hurry = threading.Event()
        self._positions: dict[int, int] = {}
        self._starts: dict[int, int] = {}
        self._at_start = Ends()
        self._awaited = Ends()

    def run(self, stop: threading.Event) -> None:
        """Follow until told to stop."""
        while not stop.is_set():
            self._context.health.beat("follower", now=monotonic())
            try:
                self._turn()
                if self.loaded.is_set() and not self._is_waited_for:
                    self._hurry.wait(PACE_SECONDS)
                self._hurry.clear()
            except AuthorizationError:  # the watch tells of it
                stop.wait(RETRY_SECONDS)
            except KafkaError as error:
                log.warning("changelog not read, tried again", error=repr(error))
                stop.wait(RETRY_SECONDS)

    def _turn(self) -> None:
        self._begin_new_partitions()
        if self.loaded.is_set():
            self._rest_where_ours()
        if not self._is_idle:
            for at, records in poll(self._consumer, POLL_MS).items():
                self._memory.take(at.partition, records)
            self._note_progress()
        if monotonic() - self._looked_at >= LOOK_SECONDS:
            self._looked_at = monotonic()
            note_log_ends(self._context, self._consumer, self._partition_count)

    def widen(self, partition_count: int) -> None:
        """Note that the changelog has grown."""
        self._partition_count = max(self._partition_count, partition_count)

    def covers(self, partition: int) -> bool:
        """Whether the changelog is known to have this partition."""
        return partition < self._partition_count

    def expect(self, partitions: Iterable[int]) -> None:
        """Look up where these partitions of the changelog end: ``latest`` will be asked for."""
        with self._progress:
            self._awaited.want(partitions)
        self._hurry.set()

    def latest(self, partitions: Iterable[int], timeout_seconds: float) -> dict[int, Followed]:
        """What the changelog says of partitions up to their present ends; of those known in time.

        Called again for the others, it goes on waiting for the same ends.
        """
        partitions = list(partitions)
        with self._progress:
            self._awaited.want(partitions)
            self._hurry.set()
            self._progress.wait_for(
                lambda: self._awaited.unreached(self._positions).isdisjoint(partitions),
                timeout_seconds,
            )
            reached = set(partitions) - self._awaited.unreached(self._positions)
            for partition in reached:
                self._awaited.forget(partition)
            return {number: self._memory.of(number) for number in sorted(reached)}

    def remember(self, number: int, partition: Partition, topic_id: str) -> None:
        """Serve a partition that we no longer own as it is now, until a newer snapshot comes."""
        self._memory.remember(number, partition, topic_id)

    @property
    def _is_waited_for(self) -> bool:
        with self._progress:
            return bool(self._awaited.unreached(self._positions))

    @property
    def _is_idle(self) -> bool:
        """Whether there is nothing to read: all partitions are ours."""
        everything_rests = self._resting == self._positions.keys()
        return everything_rests and self.loaded.is_set() and not self._is_waited_for

    def _begin_new_partitions(self) -> None:
        """Read every partition of the changelog from its beginning, those it has grown by too."""
        new = [n for n in range(self._partition_count) if n not in self._positions]
        if not new or monotonic() - self._asked_at < RETRY_SECONDS:
            return
        self._asked_at = monotonic()
        starts = offsets.beginnings(self._consumer, map(self._place, new))
        if not starts:
            return
        with self._progress:
            self._starts |= {at.partition: start for at, start in starts.items()}
            self._positions |= {at.partition: start for at, start in starts.items()}
        self._consumer.assign([self._place(number) for number in self._positions])
        for number, position in self._positions.items():
            self._consumer.seek(self._place(number), position)

    def _rest_where_ours(self) -> None:
        """Do not read what we write ourselves; once it is given up, read on from there.

        Not from the end: what the next owner has written until we know of it would be missed.
        """
        ours = self._context.served.ours() & self._positions.keys()
        self._consumer.pause(*map(self._place, ours - self._resting))
        if self._context.settings.spec.has_ids:
            self._begin_again(ours - self._resting)
        self._consumer.resume(*map(self._place, self._resting - ours))
        self._resting = ours

    def _begin_again(self, taken: Iterable[int]) -> None:
        """Once given up, these are read from the beginning: segments of ids are kept by one alone.

        What the owner remembers is not what it has written, and both would take twice the memory.
        """
        with self._progress:
            self._positions |= {number: self._starts[number] for number in taken}
        for number in taken:
            self._consumer.seek(self._place(number), self._starts[number])
            self._memory.drop_segments(number)

    def _place(self, number: int) -> TopicPartition:
        return TopicPartition(self._topic, number)

    def _note_progress(self) -> None:
        """Note how far we have read, and the ends that are waited for; wake those who wait."""
        positions = {
            number: offsets.position(self._consumer, self._place(number))
            for number in self._positions
        }
        with self._progress:
            if not self.loaded.is_set():
                self._at_start.want(range(self._partition_count))
            # An end counts only for those who wanted it before Kafka was asked.
            at_start, awaited = self._at_start.unknown(), self._awaited.unknown()
        asked = map(self._place, (at_start | awaited) & self._positions.keys())
        found = {at.partition: end for at, end in offsets.ends(self._consumer, asked).items()}
        with self._progress:
            self._positions |= {n: at for n, at in positions.items() if at is not None}
            self._at_start.learn({number: found[number] for number in at_start & found.keys()})
            self._awaited.learn({number: found[number] for number in awaited & found.keys()})
            self._progress.notify_all()
        if not self.loaded.is_set() and self._is_loaded():
            self.loaded.set()

    def _is_loaded(self) -> bool:
        """Whether each end of the start is reached, or its partition has had no leader for long."""
        now = monotonic()
        for number in range(self._partition_count):
            if leader_of(self._consumer, self._place(number)) == NO_LEADER:
                self._leaderless_since.setdefault(number, now)
            else:
                self._leaderless_since.pop(number, None)
        return all(
            now - self._leaderless_since.get(number, now) >= AWAY_SECONDS
            for number in self._at_start.unreached(self._positions)
        )
