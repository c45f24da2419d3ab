"""Writes snapshots to the changelog, and restores partitions from it.

Used by the learner's thread alone; the follower reads the changelog in a thread of its own.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from functools import partial
from time import monotonic

import structlog
from kafka import TopicPartition

from consumer.client import Consumer, Producer, client_path, offsets
from consumer.context import Context
from consumer.model import Partition
from consumer.state import pace, snapshot
from consumer.state.follower import Follower
from consumer.state.ids.sending import SegmentSending
from consumer.state.restore import Followed, Log, start
from consumer.state.saved import Saved
from consumer.state.sending import Sending
from consumer.state.snapshot import Part
from consumer.telemetry import Unsaved
from contract.messages import Outcome

log = structlog.get_logger()


class Changelog:
    """The changelog as the learner sees it.

    Args:
        context: What all loops share.
        producer: A producer for snapshots alone.
        follower: Reads the changelog.
        writer: A header value by which our follower recognises our own snapshots.
        topic_id: The id of the events topic that the positions belong to.
        cover: Gives the changelog as many partitions as the events topic has; returns how many.
    """

    def __init__(
        self,
        context: Context,
        producer: Producer,
        follower: Follower,
        *,
        writer: bytes,
        topic_id: str,
        cover: Callable[[], int],
    ) -> None:
        self._context = context
        self._producer = producer
        self._follower = follower
        self._writer = writer
        self._topic_id = topic_id
        self._cover = cover
        self._saved: dict[int, Saved] = {}

    def expect(self, numbers: Iterable[int]) -> None:
        """Look up all of these partitions at once: they are about to be restored."""
        self._follower.expect(numbers)

    def restore(
        self, consumer: Consumer, places: Iterable[TopicPartition], patience_seconds: float
    ) -> dict[TopicPartition, tuple[Partition, int]]:
        """Restore partitions of the events topic: the changelog and Kafka are asked once for all.

        Returns:
            The state of each, and the end of its log now; without those of which that is not known
            in time, as while one of the two topics has no leader there: call again.

        Raises:
            StateError: The saved state and the log do not fit together.
            KafkaError: Kafka does not answer, or denies it: call again.
        """
        started = monotonic()
        by_number = {at.partition: at for at in places}
        if not all(map(self._follower.covers, by_number)):
            self._follower.widen(self._cover())
        followed = self._follower.latest(by_number, patience_seconds)
        asked = [by_number[number] for number in followed]
        # After what is followed: the ends are not before what others have just saved.
        begins, ends = offsets.beginnings(consumer, asked), offsets.ends(consumer, asked)
        restored = {}
        for at in asked:
            if at in begins and at in ends:
                records = Log(at.topic, self._topic_id, at.partition, begins[at], ends[at])
                partition = self._start(records, followed[at.partition])
                restored[at] = partition, records.end
                self._tell(records, partition, monotonic() - started)
        return restored

    def _start(self, records: Log, followed: Followed) -> Partition:
        partition = start(self._context.settings.spec, records, followed)
        regression, history = followed.regression.current, followed.history.current
        parts = {
            Part.REGRESSION: self._sending(regression.position if regression else None, 0),
            Part.HISTORY: (
                self._sending(history.position, history.content.history.n)
                if history
                else self._sending(None, 0)
            ),
        }
        is_old = followed.history.latest is not None and history is None
        saved = Saved(
            parts,
            records.beginning,
            partition.position,
            monotonic(),
            history_first=is_old and partition.statistics.folded > 0,
            most_reread=self._context.settings.max_reread_events,
        )
        if partition.by_id is not None:
            saved.ids = SegmentSending(
                self._context,
                self._producer,
                self._writer,
                number=records.partition,
                topic_id=self._topic_id,
                written=followed.segments,
            )
        self._saved[records.partition] = saved
        return partition

    def _sending(self, position: int | None, rows: int) -> Sending:
        return Sending(self._context, self._producer, self._writer, position, rows)

    def _tell(self, records: Log, partition: Partition, seconds: float) -> None:
        behind = records.end - partition.reads_from
        self._context.telemetry.restored(seconds, behind)
        log.info(
            "partition restored",
            partition=records.partition,
            position=partition.position,
            reads_from=partition.reads_from,
            events=partition.counts[Outcome.LEARNED],
            behind=behind,
            seconds=round(seconds, 3),
        )

    def due(self, number: int, partition: Partition, reason: str) -> bool:
        """Whether the partition has moved since its last snapshot; readiness learns since when."""
        if partition.position == self._saved[number].parts[Part.REGRESSION].position:
            return False
        self._context.health.unsaved.setdefault(
            (number, Part.REGRESSION), Unsaved(monotonic(), reason)
        )
        return True

    def together(self) -> AbstractContextManager[None]:
        """While many partitions are saved: they are sent together."""
        return client_path(self._context.settings).together(self._producer)

    def send(self, number: int, partition: Partition) -> bool:
        """Send the regression if the partition has moved and none is under way; never blocks.

        After a change of the model the history is saved first.

        Returns:
            Whether it was sent.
        """
        saved = self._saved[number]
        sending = saved.parts[Part.REGRESSION]
        reason = (
            "its history goes first" if saved.regression_waits else "the snapshot is on its way"
        )
        is_under_way = sending.is_under_way or (saved.ids is not None and saved.ids.holds)
        due = self.due(number, partition, reason)
        if not due or saved.regression_waits or is_under_way:
            return False
        taken = snapshot.take(partition, number, self._topic_id)
        known = self._context.served.owned(number).coefficients
        if saved.ids is None or partition.by_id is None:
            return sending.send(taken, 0, known)
        saved.ids.note(taken, partition.by_id.place)
        saved.ids.send(partition.by_id.take_sealed())
        return saved.ids.hold(taken.position, partial(sending.send, taken, 0, known))

    def send_ids(self, owned: Iterable[tuple[int, Partition]]) -> None:
        """Send the segments that were sealed, and what waited for them; never blocks."""
        if not self._context.settings.spec.has_ids:
            return
        for number, partition in owned:
            saved = self._saved[number]
            if saved.ids is not None and partition.by_id is not None:
                saved.ids.send(partition.by_id.take_sealed())
                saved.ids.delete({part: it.position for part, it in saved.parts.items()})

    def histories_worth_saving(
        self, owned: Iterable[tuple[int, Partition]], most_events: int
    ) -> list[int]:
        """The partitions whose histories should be saved now, the furthest behind first.

        Args:
            owned: Our partitions, with their numbers.
            most_events: How many may remain that would have to be read again.
        """
        lacking = [
            found
            for number, partition in owned
            if (found := self._saved[number].unsaved(number, partition)) is not None
        ]
        return pace.worth_saving(lacking, most_events, monotonic())

    def send_history(self, number: int, partition: Partition) -> None:
        """Send the history, if the changelog lacks of it and none is under way; never blocks."""
        saved = self._saved[number]
        if saved.lacks_history(partition):
            taken = snapshot.take_history(partition, number, self._topic_id)
            if saved.ids is not None and partition.by_id is not None:
                saved.ids.note(taken, partition.by_id.place)
            saved.parts[Part.HISTORY].send(taken, partition.statistics.folded, {})

    def release(self, number: int, partition: Partition, *, save: bool) -> None:
        """Save a partition that is no longer ours, and follow its new owner from here on."""
        if save:
            self.send(number, partition)
            self.send_history(number, partition)
        self._follower.remember(number, partition, self._topic_id)
        for sending in self._saved.pop(number).parts.values():
            sending.is_ours = False
        for part in Part:
            self._context.health.unsaved.pop((number, part), None)

    def saved_positions(self) -> dict[int, int]:
        """The position of the last acknowledged regression, for each partition that has one."""
        positions = {
            number: saved.parts[Part.REGRESSION].position for number, saved in self._saved.items()
        }
        return {number: at for number, at in positions.items() if at is not None}

    def settle(self, timeout_seconds: float) -> None:
        """Wait for the snapshots that are under way."""
        deadline = monotonic() + timeout_seconds
        for saved in self._saved.values():
            if saved.ids is not None:
                saved.ids.settle(max(0.0, deadline - monotonic()))
            for sending in saved.parts.values():
                sending.settle(max(0.0, deadline - monotonic()))
