"""The learner's loop: poll, decode, predict, score, learn, publish; the order of a commit.

Its state is a fold of the log and is rebuilt by replaying it: a newly assigned partition starts
from the log's beginning.
"""

import threading
from collections.abc import Iterable
from time import monotonic, perf_counter

import structlog
from kafka import ConsumerRebalanceListener, TopicPartition
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from consumer.client import Consumer
from consumer.deadletters import DeadLetters
from consumer.health import Health
from consumer.model import Served
from consumer.partition import Partition, PartitionView, Tally
from consumer.poll import Pill, poll
from consumer.settings import Settings
from consumer.telemetry import Telemetry

POLL_MS = 200
SETTLE_SECONDS = 5.0

log = structlog.get_logger()


class Assignment(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
    """Notes what the group decides; the loop acts on it.

    The callbacks run on the client's I/O thread, where work would stop the heartbeats.
    """

    def __init__(self) -> None:
        self.known = False  # whether the group has decided at all
        self._lost: set[int] = set()
        self._lock = threading.Lock()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:  # noqa: ARG002
        """The loop sees them in ``consumer.assignment()``."""
        self.known = True

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """A partition taken away and given back between two polls must be restored all the same."""
        with self._lock:
            self._lost.update(tp.partition for tp in revoked)

    def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        """As if revoked: there is nothing to hand over that the log does not hold."""
        self.on_partitions_revoked(lost)

    def take_lost(self) -> set[int]:
        """The partitions taken away since the last call."""
        with self._lock:
            lost, self._lost = self._lost, set()
        return lost


class Learner:
    """Owns the state of the partitions that the group assigns to us.

    Args:
        settings: The service's.
        consumer: Of the events topic.
        dead_letters: Where refused events go.
        served: Where the model is published.
        telemetry: Counts and times.
        health: Facts about the loop.
    """

    def __init__(
        self,
        settings: Settings,
        consumer: Consumer,
        dead_letters: DeadLetters,
        served: Served,
        telemetry: Telemetry,
        health: Health,
    ) -> None:
        self._settings = settings
        self._topic = settings.events_topic
        self._consumer = consumer
        self._dead_letters = dead_letters
        self._served = served
        self._telemetry = telemetry
        self._health = health
        self._assignment = Assignment()
        self._partitions: dict[int, Partition] = {}
        self._views: dict[int, PartitionView] = {}
        self._saved_at = monotonic()

    def run(self, stop: threading.Event) -> None:
        """Learn until told to stop; then save once more."""
        self._consumer.subscribe([self._topic], listener=self._assignment)
        while not stop.is_set():
            self._health.beat("learner", now=monotonic())
            self._turn()
        self._save()

    def _turn(self) -> None:
        """One turn, in the order of a commit: fold, dead letters, publish, and then save."""
        polled = None if self._dead_letters.full else poll(self._consumer, POLL_MS)
        self._take_up_assignment()
        if isinstance(polled, Pill):
            self._step_over(polled)
        elif polled:
            for at, records in polled.items():
                if at.partition in self._partitions:
                    started = perf_counter()
                    tally = self._partitions[at.partition].fold(records)
                    self._after(at.partition, tally, perf_counter() - started)
        if monotonic() - self._saved_at >= self._settings.checkpoint_interval_ms / 1000:
            self._save()

    def _take_up_assignment(self) -> None:
        """Restore what is newly ours, let go of what is not."""
        ours = {at.partition for at in self._consumer.assignment()}
        for number in (self._partitions.keys() - ours) | self._assignment.take_lost():
            self._partitions.pop(number, None)
            self._views.pop(number, None)
        new = sorted(ours - self._partitions.keys())
        if not new and ours == self._views.keys():
            return
        for number in new:
            self._restore(number)
        self._health.assignment["learner"] = self._assignment.known
        self._served.publish(self._views)
        log.info("assignment", partitions=sorted(ours))

    def _restore(self, number: int) -> None:
        """Start from the log's beginning."""
        at = TopicPartition(self._topic, number)
        position = self._consumer.beginning_offsets([at])[at]
        self._consumer.seek(at, position)
        self._partitions[number] = Partition(self._settings.recipe, position)
        self._views[number] = self._partitions[number].view()

    def _step_over(self, pill: Pill) -> None:
        log.warning(
            "record not readable",
            topic=pill.at.topic,
            partition=pill.at.partition,
            offset=pill.record.offset,
            detail=pill.why.detail,
        )
        partition = self._partitions.get(pill.at.partition)
        if partition is not None:
            self._after(pill.at.partition, partition.skip(pill.record, pill.why), 0.0)

    def _after(self, number: int, tally: Tally, seconds: float) -> None:
        self._dead_letters.send(self._topic, number, tally.refused)
        self._telemetry.folded(tally, seconds)
        self._views[number] = self._partitions[number].view()
        self._served.publish(self._views)

    def _save(self) -> None:
        """Commit the positions, for lag and tooling alone, once their dead letters are safe."""
        self._saved_at = monotonic()
        self._note_lag()
        if not self._dead_letters.settle(SETTLE_SECONDS):
            return
        positions = {
            TopicPartition(self._topic, number): OffsetAndMetadata(partition.position, "", -1)
            for number, partition in self._partitions.items()
        }
        if positions:
            self._consumer.commit_async(positions)

    def _note_lag(self) -> None:
        """The log's end is in every fetch response; the client's position knows of markers."""
        self._health.assignment["learner"] = self._assignment.known
        lags: dict[int, int] = {}
        for number in self._partitions:
            at = TopicPartition(self._topic, number)
            try:
                end, position = self._consumer.highwater(at), self._consumer.position(at)
            except (KafkaError, AssertionError):
                return  # just taken away
            if end is None or position is None:
                return
            lags[number] = max(0, end - position)
        self._health.behind = sum(lags.values())
        self._telemetry.lags(lags)
