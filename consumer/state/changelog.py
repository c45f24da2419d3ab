"""Writes snapshots to the changelog, and restores partitions from it.

Used by the learner's thread alone; the follower reads the changelog in a thread of its own.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from time import monotonic

import structlog
from kafka import TopicPartition
from kafka.errors import KafkaError

from consumer.client import Consumer, Future, Producer, offsets
from consumer.context import Context
from consumer.model import Partition, combine
from consumer.state import snapshot
from consumer.state.follower import Follower
from consumer.state.restore import Log, start
from consumer.state.snapshot import Snapshot
from consumer.telemetry import Unsaved
from contract.messages import Outcome

log = structlog.get_logger()


@dataclass(slots=True)
class _Saved:
    """What the changelog holds of a partition of ours.

    Attributes:
        position: Of the last acknowledged snapshot; None before the first.
        under_way: The send of the latest snapshot, until it is acknowledged.
        failing: Whether the latest snapshot could not be saved.
    """

    position: int | None = None
    under_way: Future | None = None
    failing: bool = False


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
        self._topic = context.settings.changelog_topic
        self._producer = producer
        self._follower = follower
        self._writer = writer
        self._topic_id = topic_id
        self._cover = cover
        self._saved: dict[int, _Saved] = {}

    def expect(self, numbers: Iterable[int]) -> None:
        """Look up all of these partitions at once: they are about to be restored."""
        self._follower.expect(numbers)

    def restore(
        self, consumer: Consumer, at: TopicPartition, patience_seconds: float
    ) -> tuple[Partition, int] | None:
        """Restore a partition of the events topic.

        Returns:
            Its state, and the end of its log now; None if that is not known in time, as while one
            of the two topics has no leader there: call again.

        Raises:
            StateError: The saved state and the log do not fit together.
            KafkaError: Kafka does not answer, or denies it: call again.
        """
        started = monotonic()
        if not self._follower.covers(at.partition):
            self._follower.widen(self._cover())
        followed = self._follower.latest(at.partition, patience_seconds)
        if followed is None:
            return None
        begins = offsets.beginnings(consumer, [at])
        ends = offsets.ends(consumer, [at])
        if at not in begins or at not in ends:
            return None
        records = Log(at.topic, self._topic_id, at.partition, begins[at], ends[at])
        partition = start(
            self._context.settings.spec,
            records,
            followed.latest,
            followed.foreign,
            followed.damaged,
        )
        self._saved[at.partition] = _Saved(followed.latest.position if followed.latest else None)
        seconds, behind = monotonic() - started, records.end - partition.position
        self._context.telemetry.restored(seconds, behind)
        log.info(
            "partition restored",
            partition=at.partition,
            position=partition.position,
            events=partition.counts[Outcome.LEARNED],
            behind=behind,
            seconds=round(seconds, 3),
        )
        return partition, records.end

    def due(self, number: int, partition: Partition, reason: str) -> bool:
        """Whether the partition has moved since its last snapshot; readiness learns since when."""
        if partition.position == self._saved[number].position:
            return False
        self._context.health.unsaved.setdefault(number, Unsaved(monotonic(), reason))
        return True

    def save(self, number: int, partition: Partition) -> Snapshot | None:
        """Send a snapshot if the partition has moved and none is under way; never blocks.

        Returns:
            The snapshot that was sent, if one was.
        """
        saved = self._saved[number]
        if not self.due(number, partition, "the snapshot is on its way"):
            return None
        if saved.under_way is not None and not saved.under_way.is_done:
            return None
        failed = partial(self._failed, number, saved)
        try:
            taken = snapshot.take(partition, number, self._topic_id)
            view = self._context.served.model.parts[number]
            known = partition.spec.by_term(combine([view.estimate])) if view.answers else {}
            document = snapshot.write(taken, known)
            saved.under_way = self._producer.send(
                self._topic,
                value=document,
                key=f"partition-{number}".encode(),
                headers=[("writer", self._writer)],
                partition=number,
            )
        # ValueError: a number that JSON cannot hold, or a partition the producer does not know.
        except (KafkaError, ValueError, TypeError) as error:
            failed(error)
            return None
        arrived = partial(self._arrived, number, saved, taken.position, len(document), monotonic())
        saved.under_way.add_callback(arrived)
        saved.under_way.add_errback(failed)
        return taken

    def release(self, number: int, partition: Partition, *, save: bool) -> None:
        """Save a partition that is no longer ours, and follow its new owner from here on."""
        taken = self.save(number, partition) if save else None
        taken = taken or snapshot.take(partition, number, self._topic_id)
        self._follower.remember(taken, partition.view())
        del self._saved[number]
        self._context.health.unsaved.pop(number, None)

    def saved_positions(self) -> dict[int, int]:
        """The position of the last acknowledged snapshot, for each partition that has one."""
        return {
            number: saved.position
            for number, saved in self._saved.items()
            if saved.position is not None
        }

    def settle(self, timeout_seconds: float) -> None:
        """Wait for the snapshots that are under way."""
        deadline = monotonic() + timeout_seconds
        for saved in self._saved.values():
            if saved.under_way is not None:
                try:
                    saved.under_way.get(timeout=max(0.0, deadline - monotonic()))
                except KafkaError:
                    continue  # the errback has told of it

    def _arrived(
        self, number: int, saved: _Saved, position: int, size: int, started: float, _at: object
    ) -> None:
        """Called by the producer's thread when a snapshot is acknowledged."""
        saved.position = position
        self._context.health.unsaved.pop(number, None)
        self._context.telemetry.checkpointed(monotonic() - started, size, time.time())
        if saved.failing:
            saved.failing = False
            log.info("snapshots are saved again", partition=number, position=position)

    def _failed(self, number: int, saved: _Saved, error: BaseException) -> None:
        """Count each snapshot that could not be saved, and log the first in a row."""
        reason = f"{type(error).__name__}: {error}"
        self._context.telemetry.snapshot_failed()
        known = self._context.health.unsaved.get(number)
        if known is not None:
            known.reason = reason
        if not saved.failing:
            saved.failing = True
            log.error(
                "snapshot not saved: what is learned now would be read again after a crash",
                topic=self._topic,
                partition=number,
                reason=reason,
            )
