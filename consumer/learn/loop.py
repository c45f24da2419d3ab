"""The learner's loop, and the order of a commit.

    1  poll             records of our partitions
    2  fold             decode; predict, score, learn (partition.py)
    3  dead letters     sent for what was refused
    4  publish          the model serves what was learned, of all partitions at once
    5  reply            to the senders that asked to be told; predictions for unlabelled events
    6  settle           Kafka has acknowledged every dead letter and prediction so far
    7  snapshots        of what moved, a part and its position in one record, to the changelog
    8  acknowledged     by Kafka: from now on the snapshot's position counts (state/sending.py)
    9  commit           the group's offset, for lag and tooling alone

1 to 5 for every poll; 6 to 9 every CHECKPOINT_INTERVAL_MS for the partitions that moved, a slice of
them in each turn (``saving``), and on a clean stop. For a partition that is taken away 6 and 7
alone: nothing is waited for or committed. docs/FAILURES.md has a row for each gap between them.
Segments of ids (``state/ids``) are sent in each turn, and a regression after those before it.
"""

import math
import threading
import time
from collections.abc import Mapping, Sequence
from time import monotonic, perf_counter
from typing import Protocol

import structlog
from kafka import TopicPartition
from kafka.errors import AuthorizationError, LogTruncationError, OffsetOutOfRangeError
from kafka.structs import OffsetAndMetadata

from consumer.client import MAX_POLL_RECORDS, Batches, Consumer, poll
from consumer.client.permissions import RETRY_SECONDS
from consumer.context import Context
from consumer.decode import Record, Rejected
from consumer.errors import NEW_ID, StateError
from consumer.learn.dead_letters import DeadLetters
from consumer.learn.demand import Demand
from consumer.learn.lag import Lag
from consumer.learn.outbox import SETTLE_SECONDS, Outboxes
from consumer.learn.owned import OwnedPartitions
from consumer.learn.predictions import Predictions
from consumer.learn.refusals import Refusals
from consumer.learn.saving import SLICE_SECONDS, Saving
from consumer.model import FoldResult, Model
from consumer.state import Changelog
from contract.messages import Outcome

POLL_MS = 200
MOVING_POLL_MS = 50
"""How long a poll waits while there may be something to save on demand."""
PACE_SECONDS, LONGEST_PACE_SECONDS = 0.02, 0.2
"""The least time between two polls that keep up: at a thousand events a second the learner would
else be busy with polls of one event each, and answers would wait for it. A poll of many partitions
costs more: then it is PACE_TURNS times as long as learning took, up to the longest."""
PACE_TURNS = 20
STOP_SECONDS = 2.0

log = structlog.get_logger()


class Acknowledges(Protocol):
    """Tells senders who asked for it what became of their events."""

    def send(
        self,
        asking: Sequence[tuple[Record, Outcome | Rejected]],
        model: Model,
        *,
        partition: int,
        again: int,
        now_ms: float,
    ) -> None: ...


class Learner:
    """Folds the events of our partitions, and saves what it has learned.

    Args:
        context: What all loops share.
        consumer: Reads the events topic.
        dead_letters: Takes the refused events.
        acknowledgements: Answers senders who asked to be told.
        changelog: Keeps the state.
        demand: What other instances want to be saved now.
        predictions: Takes a prediction for each event without a target, where they are wanted.
    """

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        context: Context,
        consumer: Consumer,
        dead_letters: DeadLetters,
        acknowledgements: Acknowledges,
        changelog: Changelog,
        demand: Demand,
        predictions: Predictions | None = None,
    ) -> None:
        self._context = context
        self._topic = context.settings.events_topic
        self._consumer = consumer
        self._dead_letters = dead_letters
        self._acknowledgements = acknowledgements
        self._changelog = changelog
        self._predictions = predictions
        boxes = [dead_letters] if predictions is None else [dead_letters, predictions]
        self._outboxes = Outboxes(*boxes)
        self._owned = OwnedPartitions(context, consumer, self._outboxes, changelog)
        self._lag = Lag(context, consumer, self._owned)
        self._refusals = Refusals()
        self._saving = Saving(context, self._owned, self._outboxes, changelog, demand)
        self._moved_at = -math.inf

    def run(self, stop: threading.Event) -> None:
        """Learn until told to stop; then save once more.

        Raises:
            StateError: The log and the saved state do not fit together.
        """
        self._consumer.subscribe([self._topic], listener=self._owned.assignment)
        while not stop.is_set():
            self._context.health.beat("learner", now=monotonic())
            self._turn(stop)
        self._changelog.settle(STOP_SECONDS)  # while a snapshot is under way, no other is sent
        for _ in range(2):  # a regression may have to wait for its history
            self._saving.all()
            self._changelog.settle(STOP_SECONDS)
        self._commit()

    def _turn(self, stop: threading.Event) -> None:
        polled = self._poll(stop)
        polled_at = monotonic()
        self._learn(polled, self._owned.follow_group())
        pace = PACE_TURNS * (monotonic() - polled_at)
        health = self._context.health
        begins = self._saving.turn()
        if begins:
            self._commit()
        if health.assignment["learner"] and (begins or health.behind is None):
            self._lag.note()
        came = sum(map(len, polled.values()))
        if 0 < came < MAX_POLL_RECORDS and self._lag.fits_one_poll():
            self._rest(stop, polled_at + min(max(pace, PACE_SECONDS), LONGEST_PACE_SECONDS))

    def _rest(self, stop: threading.Event, until: float) -> None:
        """Until it is time to poll again; what there is to save is saved meanwhile."""
        while not stop.is_set() and (left := until - monotonic()) > 0:
            if not self._saving.is_under_way:
                stop.wait(left)
                return
            stop.wait(min(left, SLICE_SECONDS))
            self._saving.turn()

    def _poll(self, stop: threading.Event) -> Batches:
        """The next records; none while too much that is sent on waits.

        Raises:
            StateError: What was to be read next is not in the log any more.
        """
        if self._outboxes.full:
            if not self._outboxes.settle(SETTLE_SECONDS):
                stop.wait(POLL_MS / 1000)
            return {}
        try:
            return poll(self._consumer, self._patience_ms())
        except AuthorizationError as error:
            self._context.permissions.note_denial(error)
            stop.wait(RETRY_SECONDS)
            return {}
        except LogTruncationError as error:
            raise StateError(
                f"{self._topic}: records that were learned are no longer in the log ({error}): a "
                f"broker without them became the leader (unclean election). {NEW_ID}"
            ) from error
        except OffsetOutOfRangeError as error:
            (lost,) = error.args
            if not any(at.partition in self._owned for at in lost):
                return {}  # the group's own offset, which we do not use: we seek when we restore
            raise StateError(
                f"{self._topic}: the position to read next is no longer in the log ({error}): "
                f"retention passed it, or the topic was recreated. {NEW_ID}"
            ) from error

    def _patience_ms(self) -> int:
        if self._saving.is_under_way:
            return 0
        saved_seconds = 2 * self._context.settings.checkpoint_interval_ms / 1000
        moves = monotonic() - self._moved_at < saved_seconds
        return MOVING_POLL_MS if moves else POLL_MS

    def _learn(self, polled: Batches, ours: set[int]) -> None:
        """Fold the polled records of these partitions; the others are another instance's."""
        started = perf_counter()
        results: dict[int, FoldResult] = {}
        for at, records in polled.items():
            if at.partition in ours:
                result = self._fold(at.partition, records)
                self._dead_letters.send(self._topic, at.partition, result.refused)
                if (said := self._refusals.saw(at.partition, result, monotonic())) is not None:
                    log.warning("events are refused", topic=self._topic, **said)
                results[at.partition] = result
        folded = set(results)
        for number in self._owned.pass_on(ours):
            results.setdefault(number, FoldResult())
        if results:
            self._moved_at = monotonic()
            self._publish(results)
        if folded and (spans := self._context.spans) is not None:
            learned = {at.partition: polled[at] for at in polled if at.partition in folded}
            spans.learned(self._topic, learned, perf_counter() - started)

    def _fold(self, number: int, records: Sequence[Record]) -> FoldResult:
        precedence = self._context.precedence
        started = perf_counter() - precedence.waited
        try:
            result = self._owned[number].fold(precedence.after_answers(records))
        except StateError as error:
            raise StateError(f"{self._topic}-{number}: {error}") from error
        self._context.telemetry.folded(result, perf_counter() - precedence.waited - started)
        self._lag.learned(number, records)
        return result

    def _publish(self, results: Mapping[int, FoldResult]) -> None:
        """Serve the new states of these partitions, and only then acknowledge and predict."""
        served = self._context.served
        served.own({number: self._owned[number].view() for number in results})
        for number, result in results.items():
            if self._predictions is not None and result.to_predict:
                model = served.to_answer()
                self._predictions.send(self._topic, number, result.to_predict, model)
            if result.asking:
                again, now_ms = self._owned.end_at_restore(number), time.time() * 1000
                self._acknowledgements.send(
                    result.asking,
                    served.to_answer(),
                    partition=number,
                    again=again,
                    now_ms=now_ms,
                )

    def _commit(self) -> None:
        """Let the group's offsets follow the saved states, for lag tools; nothing reads them."""
        positions = {
            TopicPartition(self._topic, number): OffsetAndMetadata(position, "", -1)
            for number, position in self._changelog.saved_positions().items()
            if number in self._owned
        }
        if positions:
            self._consumer.commit_async(positions)
