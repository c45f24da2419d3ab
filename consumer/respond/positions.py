"""How far the requests of each partition are answered for good, and the commits of it.

A position is committed until Kafka has acknowledged it: a request that is answered, and not known
to be, is answered again after a crash; one that is known to be must not be lost.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from math import inf
from typing import Protocol

import structlog
from kafka import TopicPartition
from kafka.errors import CommitFailedError, FencedInstanceIdError, KafkaError
from kafka.structs import OffsetAndMetadata

from consumer.client import Consumer
from consumer.respond.pending import PendingReply

COMMIT_SECONDS = 1.0
LOST_SECONDS = 10.0
"""A commit that was not answered for so long is taken for lost."""
LAST_COMMIT_MS = 1000

log = structlog.get_logger()


class Sent(Protocol):
    """What is on its way for a request."""

    @property
    def settled(self) -> bool:
        """Delivered, or known never to be."""


@dataclass(slots=True)
class _Progress:
    """Of one partition.

    Attributes:
        next: The offset after the last request that was taken.
        committed: The position that Kafka has acknowledged; None before the first.
        unsettled: Requests with something on its way, by offset.
        forwarded: Offsets of the events sent on, from the committed position on.
    """

    next: int
    committed: int | None = None
    unsettled: list[tuple[int, Sent]] = field(default_factory=list)
    forwarded: list[int] = field(default_factory=list)

    def position(self) -> int:
        """Where to begin again after a crash."""
        self.unsettled = [entry for entry in self.unsettled if not entry[1].settled]
        return min([self.next, *(offset for offset, _ in self.unsettled)])

    def acknowledge(self, position: int) -> None:
        """Kafka has this position."""
        self.committed = position
        self.forwarded = [offset for offset in self.forwarded if offset >= position]


class Positions:
    """The positions of the partitions of the requests topic that are ours.

    Not for two threads at once.

    Args:
        consumer: Of the requests topic.
    """

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self._of: dict[TopicPartition, _Progress] = {}
        self._due_at = -inf
        self._asked_at = -inf
        self._failing = False

    @property
    def begun(self) -> AbstractSet[TopicPartition]:
        """The partitions whose position is known."""
        return self._of.keys()

    def begin(self, at: TopicPartition, start: int) -> None:
        """Commit soon where a new partition of ours begins.

        Whoever takes over a partition without an offset begins at the log's end, and what was asked
        between the two would never be answered.
        """
        if at not in self._of:
            self._of[at] = _Progress(start)
            self.hurry()

    def took(
        self, at: TopicPartition, offset: int, sent: Sent | None, *, forwarded: bool = False
    ) -> None:
        """A request was taken; what is on its way for it, if anything is."""
        progress = self._of[at]
        progress.next = offset + 1
        if sent is not None:
            progress.unsettled.append((offset, sent))
        if forwarded:
            progress.forwarded.append(offset)

    def forwarded(self, at: TopicPartition) -> int:
        """How many events would be sent on again after a crash."""
        return len(self._of[at].forwarded)

    def hurry(self) -> None:
        """Do not wait for the next commit's time."""
        self._due_at = -inf

    def keep(self, ours: AbstractSet[TopicPartition]) -> None:
        """Forget the partitions that are not ours any more."""
        for at in self._of.keys() - ours:
            del self._of[at]

    def oldest(self, topic: str) -> float | None:
        """When the oldest reply to this topic set out that is still on its way."""
        return min(
            (
                sent.sent_at
                for progress in self._of.values()
                for _, sent in progress.unsettled
                if isinstance(sent, PendingReply)
                and sent.address.topic == topic
                and not sent.settled
            ),
            default=None,
        )

    def commit_when_due(self, now: float) -> bool:
        """Have committed what Kafka has not acknowledged yet; never blocks. Whether it was due.

        One commit is on its way at a time.

        Raises:
            FencedInstanceIdError: Another process has our place.
        """
        if now < self._due_at:
            return False
        self._due_at = now + COMMIT_SECONDS
        positions = self._uncommitted()
        if positions and now - self._asked_at >= LOST_SECONDS:
            self._asked_at = now
            try:
                self._consumer.commit_async(positions, callback=self._answered)
            except CommitFailedError as error:
                self._answered(positions, error)
        return True

    def commit_last(self) -> None:
        """Commit all and forget it: we stop. Waits for a second at most.

        Raises:
            FencedInstanceIdError: Another process has our place.
        """
        if positions := self._uncommitted():
            try:
                self._consumer.commit(positions, timeout_ms=LAST_COMMIT_MS)
            except FencedInstanceIdError:
                raise
            except KafkaError as error:
                log.warning("requests may be answered again", error=repr(error))
        self._of.clear()

    def _uncommitted(self) -> dict[TopicPartition, OffsetAndMetadata]:
        return {
            at: OffsetAndMetadata(position, "", -1)
            for at, progress in self._of.items()
            if (position := progress.position()) != progress.committed
        }

    def _answered(
        self, positions: Mapping[TopicPartition, OffsetAndMetadata], response: object
    ) -> None:
        """Called by the client, in the thread that polls it."""
        self._asked_at = -inf
        failed = isinstance(response, BaseException)
        if failed and not self._failing:
            log.warning("positions of requests not committed; tried again", error=repr(response))
        self._failing = failed
        if not failed:
            for at in positions.keys() & self._of.keys():
                self._of[at].acknowledge(positions[at].offset)
