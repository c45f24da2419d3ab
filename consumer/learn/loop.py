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

import math
import threading
import time
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from time import monotonic, perf_counter
from typing import Protocol

import structlog
from kafka import TopicPartition
from kafka.errors import (
    AuthorizationError,
    KafkaError,
    LogTruncationError,
    OffsetOutOfRangeError,
)
from kafka.structs import OffsetAndMetadata

from consumer.client import (
    MAX_POLL_RECORDS,
    NO_LEADER,
    Batches,
    Consumer,
    NotAllowedError,
    SkippedRecord,
    joined,
    leader_of,
    offsets,
    poll,
)
from consumer.client.permissions import RETRY_SECONDS
from consumer.context import Context
from consumer.decode import Decoded, Record
from consumer.errors import NEW_ID, StateError
from consumer.learn.assignment import Assignment
from consumer.learn.dead_letters import DeadLetters
from consumer.model import FoldResult, Model, Partition
from consumer.state import Changelog
from consumer.telemetry import FaultKind, LogEnd

POLL_MS = 200
PACE_SECONDS = 0.02
"""Polls are so far apart at least while they keep up: at a thousand events a second the learner
would else be busy with polls of one event each, and answers would wait for it."""
SETTLE_SECONDS = 5.0
RESTORE_SECONDS = 1.0
"""While there is nothing else to do, how long to wait for what is to be restored."""
TURN_SECONDS = 5.0
"""How long what is to be restored may keep us from everything else."""
STOP_SECONDS = 2.0
GROWING = "growing the changelog"

log = structlog.get_logger()


class Acknowledges(Protocol):
    """Answers those who asked for it that their event was folded."""

    def send(
        self,
        asking: Sequence[tuple[Record, Decoded]],
        model: Model,
        *,
        again: int,
        now_ms: float,
    ) -> None: ...


class Learner:
    """Owns the state of the partitions that the group assigns to us.

    Args:
        context: What all loops share.
        consumer: Of the events topic.
        dead_letters: Where refused events go.
        acknowledgements: Where those are told who ask for it.
        changelog: Where the state lasts.
    """

    def __init__(
        self,
        context: Context,
        consumer: Consumer,
        dead_letters: DeadLetters,
        acknowledgements: Acknowledges,
        changelog: Changelog,
    ) -> None:
        self._context = context
        self._topic = context.settings.events_topic
        self._consumer = consumer
        self._dead_letters = dead_letters
        self._acknowledgements = acknowledgements
        self._changelog = changelog
        self._assignment = Assignment()
        self._joined = False
        self._partitions: dict[int, Partition] = {}
        self._held: dict[int, float] = {}  # ours, but not restored yet; when that was tried last
        self._ends: dict[int, int] = {}
        self._saved_at = monotonic()

    def run(self, stop: threading.Event) -> None:
        """Learn until told to stop; then save once more.

        Raises:
            StateError: The log and the saved state do not fit together.
        """
        self._consumer.subscribe([self._topic], listener=self._assignment)
        while not stop.is_set():
            self._context.health.beat("learner", now=monotonic())
            self._turn(stop)
        self._changelog.settle(STOP_SECONDS)  # where one is under way, none is sent
        self._save()
        self._changelog.settle(STOP_SECONDS)
        self._commit()

    def _turn(self, stop: threading.Event) -> None:
        polled = self._poll(stop)
        polled_at = monotonic()
        # What came in the same poll as its partition was read from the group's offset.
        ours = self._partitions.keys() - self._take_up_assignment()
        if isinstance(polled, SkippedRecord):
            if polled.at.partition in ours:
                self._step_over(polled)
        else:
            for at, records in polled.items():
                if at.partition in ours:
                    self._fold(at.partition, records)
        health = self._context.health
        due = monotonic() - self._saved_at >= self._context.settings.checkpoint_interval_ms / 1000
        if due:
            self._save()
            self._commit()
        if health.assignment["learner"] and (due or health.behind is None):
            self._note_lag()
        if polled and self._keeps_up():
            stop.wait(max(0.0, polled_at + PACE_SECONDS - monotonic()))

    def _poll(self, stop: threading.Event) -> Batches | SkippedRecord:
        if self._dead_letters.full:
            if not self._dead_letters.settle(SETTLE_SECONDS):
                stop.wait(POLL_MS / 1000)
            return {}
        try:
            return poll(self._consumer, POLL_MS)
        except AuthorizationError as error:
            self._context.permissions.refused(error)
            stop.wait(RETRY_SECONDS)
            return {}
        except LogTruncationError as error:
            raise StateError(
                f"{self._topic}: records that were learned are not in the log any more ({error}): "
                f"a broker without them became the leader (unclean election). {NEW_ID}"
            ) from error
        except OffsetOutOfRangeError as error:
            (lost,) = error.args
            if not any(at.partition in self._partitions for at in lost):
                return {}  # the group's offset, and not ours: restored in a moment
            raise StateError(
                f"{self._topic}: a position that was to be read next is not in the log any more "
                f"({error}): retention passed it, or the topic was recreated. {NEW_ID}"
            ) from error

    def _take_up_assignment(self) -> set[int]:
        """Let go of what is not ours any more, restore what is newly ours; what was restored."""
        health = self._context.health
        ours = {at.partition for at in self._consumer.assignment()}
        lost = self._assignment.take_lost() | (self._partitions.keys() - ours)
        self._release(lost & self._partitions.keys())
        for number in self._held.keys() & lost | self._held.keys() - ours:
            del self._held[number]
        new = ours - self._partitions.keys()
        self._hold(new - self._held.keys())
        self._changelog.expect(new)
        restored = self._restore_held()
        if restored:
            health.behind = None  # not known yet, of these
        if restored or lost:
            self._context.telemetry.rebalanced()
            log.info("assignment", partitions=sorted(self._partitions))
        self._joined = self._joined or joined(self._consumer)
        health.assignment["learner"] = self._joined
        health.unrestored = frozenset(new - restored)
        return restored

    def _hold(self, numbers: AbstractSet[int]) -> None:
        """Read nothing of these yet; without a position one partition would hold up all."""
        for number in numbers:
            at = TopicPartition(self._topic, number)
            self._consumer.seek(at, 0)
            self._consumer.pause(at)
            self._held[number] = -math.inf

    def _restore_held(self) -> set[int]:
        """Those that could be restored; where that takes long, the rest has its turn later."""
        restored = set[int]()
        began = monotonic()
        for number in sorted(self._held, key=lambda held: (self._held[held], held)):
            if monotonic() - began > TURN_SECONDS:
                break
            self._held[number] = monotonic()
            if self._restore(number):
                restored.add(number)
        return restored

    def _release(self, lost: AbstractSet[int]) -> None:
        """Hand over: saved once more if the dead letters up to there are safe."""
        settled = bool(lost) and self._dead_letters.settle(SETTLE_SECONDS)
        for number in sorted(lost):
            self._changelog.release(number, self._partitions.pop(number), save=settled)
            del self._ends[number]
            self._context.served.release(number)

    def _restore(self, number: int) -> bool:
        at = TopicPartition(self._topic, number)
        self._context.health.beat("learner", now=monotonic())  # each may take its time
        if leader_of(self._consumer, at) == NO_LEADER:
            return False
        patience = 0.0 if self._partitions else RESTORE_SECONDS
        try:
            restored = self._changelog.restore(self._consumer, at, patience)
        except StateError:
            raise
        except NotAllowedError as error:
            self._context.health.faults.saw(GROWING, FaultKind.PERMISSION, error.sentence)
            return False
        except KafkaError as error:
            log.warning("not restored yet", partition=number, error=repr(error))
            return False
        if restored is None:
            return False
        self._context.health.faults.over(GROWING)
        partition, self._ends[number] = restored
        self._context.health.ends[number] = LogEnd(self._ends[number], monotonic())
        self._consumer.seek(at, partition.position)
        self._consumer.resume(at)
        del self._held[number]
        self._partitions[number] = partition
        self._context.served.own(number, partition.view())
        return True

    def _fold(self, number: int, records: Sequence[Record]) -> None:
        precedence = self._context.precedence
        started = perf_counter() - precedence.waited
        result = self._partitions[number].fold(precedence.after_answers(records))
        self._after(number, result, perf_counter() - precedence.waited - started)

    def _step_over(self, pill: SkippedRecord) -> None:
        log.warning(
            "record not readable",
            topic=pill.at.topic,
            partition=pill.at.partition,
            offset=pill.record.offset,
            detail=pill.why.detail,
        )
        number = pill.at.partition
        self._after(number, self._partitions[number].skip(pill.record, pill.why), 0.0)

    def _after(self, number: int, result: FoldResult, seconds: float) -> None:
        self._dead_letters.send(self._topic, number, result.refused)
        self._context.telemetry.folded(result, seconds)
        self._context.served.own(number, self._partitions[number].view())
        if result.asking:
            again, model = self._ends[number], self._context.served.model
            self._acknowledgements.send(
                result.asking, model, again=again, now_ms=time.time() * 1000
            )

    def _save(self) -> None:
        """A snapshot of each partition that moved, once the dead letters up to it are safe."""
        self._saved_at = monotonic()
        settled = self._dead_letters.settle(SETTLE_SECONDS)
        for number, partition in self._partitions.items():
            if settled:
                self._changelog.save(number, partition)
            else:
                self._changelog.due(number, partition, "its dead letters are not acknowledged")

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
        health = self._context.health
        lags: dict[int, int | None] = dict.fromkeys(self._held)
        for number in self._partitions:
            try:
                position = offsets.position(self._consumer, TopicPartition(self._topic, number))
            except KafkaError:
                return  # just taken away
            lags[number] = self._lag(number, position)
        health.behind = sum(lag for lag in lags.values() if lag is not None)
        health.unknown = frozenset(n for n in self._partitions if lags[n] is None)
        self._context.telemetry.lags(lags)

    def _lag(self, number: int, position: int | None) -> int | None:
        """None: not known, as where the partition has no leader."""
        if position is None:
            return None
        lag = self._context.health.lag(number, position, now=monotonic())
        return None if lag is None else max(lag, self._end(number) - position)
