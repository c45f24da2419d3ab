"""The learner's loop, and the order of a commit.

    1  poll             records of our partitions
    2  fold             decode; predict, score, learn (partition.py)
    3  dead letters     sent for what was refused
    4  publish          the model serves what was learned
    5  acknowledge      events that ask for it
    6  settle           every dead letter so far is acknowledged
    7  snapshot         state and position, one record, to the changelog
    8  acknowledged     the snapshot counts
    9  commit           the group's offset, for lag and tooling alone

1 to 5 for every poll, 6 to 9 every CHECKPOINT_INTERVAL_MS for the partitions that moved, when one
is taken away, and on a clean stop. docs/FAILURES.md has a row for each gap between them.
"""

import threading
import time
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from time import monotonic, perf_counter

import structlog
from kafka import TopicPartition
from kafka.errors import KafkaError, OffsetOutOfRangeError
from kafka.structs import OffsetAndMetadata

from consumer.acknowledge import Acknowledgements
from consumer.assignment import Assignment
from consumer.changelog import Changelog
from consumer.client import MAX_POLL_RECORDS, Consumer, joined
from consumer.deadletters import DeadLetters
from consumer.partition import Partition, Record, Tally
from consumer.poll import Batches, Pill, poll
from consumer.restore import NEW_ID, StateError
from consumer.shared import Shared

POLL_MS = 200
PACE_SECONDS = 0.02
"""Polls are so far apart at least while they keep up: at a thousand events a second the learner
would else be busy with polls of one event each, and answers would wait for it."""
SETTLE_SECONDS = 5.0
STOP_SECONDS = 2.0

log = structlog.get_logger()


class Learner:
    """Owns the state of the partitions that the group assigns to us.

    Args:
        shared: What all loops share.
        consumer: Of the events topic.
        dead_letters: Where refused events go.
        acknowledgements: Where those are told who ask for it.
        changelog: Where the state lasts.
    """

    def __init__(
        self,
        shared: Shared,
        consumer: Consumer,
        dead_letters: DeadLetters,
        acknowledgements: Acknowledgements,
        changelog: Changelog,
    ) -> None:
        self._shared = shared
        self._topic = shared.settings.events_topic
        self._consumer = consumer
        self._dead_letters = dead_letters
        self._acknowledgements = acknowledgements
        self._changelog = changelog
        self._assignment = Assignment()
        self._joined = False
        self._partitions: dict[int, Partition] = {}
        self._ends: dict[int, int] = {}
        self._saved_at = monotonic()

    def run(self, stop: threading.Event) -> None:
        """Learn until told to stop; then save once more.

        Raises:
            StateError: The log and the saved state do not fit together.
        """
        self._consumer.subscribe([self._topic], listener=self._assignment)
        while not stop.is_set():
            self._shared.health.beat("learner", now=monotonic())
            self._turn(stop)
        self._changelog.settle(STOP_SECONDS)  # where one is under way, none is sent
        self._save()
        self._changelog.settle(STOP_SECONDS)
        self._commit()

    def _turn(self, stop: threading.Event) -> None:
        polled = self._poll(stop)
        polled_at = monotonic()
        # What came in the same poll as its partition was read from the group's offset.
        ours = self._partitions.keys() - self._take_up_assignment(stop)
        if isinstance(polled, Pill):
            if polled.at.partition in ours:
                self._step_over(polled)
        else:
            for at, records in polled.items():
                if at.partition in ours:
                    self._fold(at.partition, records)
        health = self._shared.health
        due = monotonic() - self._saved_at >= self._shared.settings.checkpoint_interval_ms / 1000
        if due:
            self._save()
            self._commit()
        if health.assignment["learner"] and (due or health.behind is None):
            self._note_lag()
        if polled and self._keeps_up():
            stop.wait(max(0.0, polled_at + PACE_SECONDS - monotonic()))

    def _poll(self, stop: threading.Event) -> Batches | Pill:
        if self._dead_letters.full:
            if not self._dead_letters.settle(SETTLE_SECONDS):
                stop.wait(POLL_MS / 1000)
            return {}
        try:
            return poll(self._consumer, POLL_MS)
        except OffsetOutOfRangeError as error:
            (lost,) = error.args
            if not any(at.partition in self._partitions for at in lost):
                return {}  # the group's offset, and not ours: restored in a moment
            raise StateError(
                f"{self._topic}: a position that was to be read next is not in the log any more "
                f"({error}): retention passed it, or the topic was recreated. {NEW_ID}"
            ) from error

    def _take_up_assignment(self, stop: threading.Event) -> set[int]:
        """Let go of what is not ours any more, restore what is newly ours; the latter."""
        ours = {at.partition for at in self._consumer.assignment()}
        lost = self._assignment.take_lost() | (self._partitions.keys() - ours)
        self._release(lost & self._partitions.keys())
        new = ours - self._partitions.keys()
        self._changelog.expect(new)
        for number in sorted(new):
            self._shared.health.beat("learner", now=monotonic())  # each may take its time
            self._restore(TopicPartition(self._topic, number), stop)
        if new:
            self._shared.health.behind = None  # not known yet, of these
        if new or lost:
            self._shared.telemetry.rebalanced()
            log.info("assignment", partitions=sorted(self._partitions))
        self._joined = self._joined or joined(self._consumer)
        restored = self._joined and ours <= self._partitions.keys()
        self._shared.health.assignment["learner"] = restored
        return new

    def _release(self, lost: AbstractSet[int]) -> None:
        """Hand over: saved once more if the dead letters up to there are safe."""
        settled = bool(lost) and self._dead_letters.settle(SETTLE_SECONDS)
        for number in sorted(lost):
            self._changelog.release(number, self._partitions.pop(number), save=settled)
            del self._ends[number]
            self._shared.served.release(number)

    def _restore(self, at: TopicPartition, stop: threading.Event) -> None:
        try:
            restored = self._changelog.restore(self._consumer, at, stop)
        except StateError:
            raise
        except KafkaError as error:
            log.warning("not restored yet", partition=at.partition, error=repr(error))
            return
        if restored is not None:
            partition, self._ends[at.partition] = restored
            self._consumer.seek(at, partition.position)
            self._partitions[at.partition] = partition
            self._shared.served.own(at.partition, partition.view())

    def _fold(self, number: int, records: Sequence[Record]) -> None:
        precedence = self._shared.precedence
        started = perf_counter() - precedence.waited
        tally = self._partitions[number].fold(precedence.after_answers(records))
        self._after(number, tally, perf_counter() - precedence.waited - started)

    def _step_over(self, pill: Pill) -> None:
        log.warning(
            "record not readable",
            topic=pill.at.topic,
            partition=pill.at.partition,
            offset=pill.record.offset,
            detail=pill.why.detail,
        )
        number = pill.at.partition
        self._after(number, self._partitions[number].skip(pill.record, pill.why), 0.0)

    def _after(self, number: int, tally: Tally, seconds: float) -> None:
        self._dead_letters.send(self._topic, number, tally.refused)
        self._shared.telemetry.folded(tally, seconds)
        self._shared.served.own(number, self._partitions[number].view())
        if tally.asking:
            again, model = self._ends[number], self._shared.served.model
            self._acknowledgements.send(tally.asking, model, again=again, now_ms=time.time() * 1000)

    def _save(self) -> None:
        """A snapshot of each partition that moved, once the dead letters up to it are safe."""
        self._saved_at = monotonic()
        for number, partition in self._partitions.items():
            self._changelog.due(number, partition, "its dead letters are not acknowledged")
        if not self._dead_letters.settle(SETTLE_SECONDS):
            return
        for number, partition in self._partitions.items():
            self._changelog.save(number, partition)

    def _commit(self) -> None:
        """The group's offsets follow the acknowledged snapshots; nothing is read by them."""
        positions = {
            TopicPartition(self._topic, number): OffsetAndMetadata(position, "", -1)
            for number, position in self._changelog.saved_positions().items()
            if number in self._partitions
        }
        if positions:
            self._consumer.commit_async(positions)

    def _keeps_up(self) -> bool:
        """Whether one more poll would bring all that Kafka has told of."""
        behind = sum(
            self._end(number) - partition.position for number, partition in self._partitions.items()
        )
        return behind < MAX_POLL_RECORDS

    def _end(self, number: int) -> int:
        """Where the partition's log ends, as far as Kafka has told.

        The end is in the fetch responses, but not in all of them: a fetch session (KIP-227) tells
        of a partition when something of it has changed. Where the first response was for the
        group's offset, and dropped because we had gone to the snapshot's, a quiet log's end is
        known from the restore alone.
        """
        try:
            end = self._consumer.highwater(TopicPartition(self._topic, number))
        except KafkaError:  # just taken away
            end = None
        return self._ends[number] if end is None else end

    def _note_lag(self) -> None:
        """From the client's position, which knows of the markers of transactions."""
        lags: dict[int, int] = {}
        for number in self._partitions:
            try:
                position = self._consumer.position(TopicPartition(self._topic, number))
            except KafkaError:
                return  # just taken away
            if position is None:
                return
            lags[number] = max(0, self._end(number) - position)
        self._shared.health.behind = sum(lags.values())
        self._shared.telemetry.lags(lags)
