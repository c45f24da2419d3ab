"""The partitions of the events topic that are ours: taken up, restored, handed over.

The group decides which partitions are ours. One that is newly ours is held: the consumer is paused
there until the partition's state is restored from the changelog, and then reads on from the state's
position. The offset that the group has committed is never used.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from time import monotonic

import structlog
from kafka import TopicPartition
from kafka.errors import KafkaError

from consumer.client import NO_LEADER, Consumer, NotAllowedError, joined, leader_of, offsets
from consumer.context import Context
from consumer.errors import StateError
from consumer.learn.assignment import Assignment
from consumer.learn.outbox import SETTLE_SECONDS, Outboxes
from consumer.model import Partition
from consumer.state import Changelog
from consumer.telemetry import FaultKind, LogEnd

RESTORE_SECONDS = 1.0
"""How long to wait for a partition's saved state while no other partition is being learned."""

TURN_SECONDS = 5.0
"""How long restoring may keep the loop from its other work in one turn."""

GROWING = "growing the changelog"

log = structlog.get_logger()


class OwnedPartitions:
    """The state of the partitions that the group assigns to us; used by the learner's thread alone.

    Args:
        context: What all loops share.
        consumer: Reads the events topic.
        outboxes: Settled before a partition is handed over.
        changelog: Where states are restored from and saved to.
    """

    def __init__(
        self,
        context: Context,
        consumer: Consumer,
        outboxes: Outboxes,
        changelog: Changelog,
    ) -> None:
        self.assignment = Assignment()
        self._context = context
        self._topic = context.settings.events_topic
        self._consumer = consumer
        self._outboxes = outboxes
        self._changelog = changelog
        self._joined = False
        self._partitions: dict[int, Partition] = {}
        self._held: dict[int, float] = {}  # when a restore was tried last
        self._ends: dict[int, int] = {}

    def __iter__(self) -> Iterator[tuple[int, Partition]]:
        """The restored partitions, with their numbers."""
        return iter(self._partitions.items())

    def __contains__(self, number: int) -> bool:
        """Whether the partition is ours and restored."""
        return number in self._partitions

    def __getitem__(self, number: int) -> Partition:
        return self._partitions[number]

    @property
    def held(self) -> AbstractSet[int]:
        """The partitions that are ours and not restored yet."""
        return self._held.keys()

    def end_at_restore(self, number: int) -> int:
        """The end of the partition's log when its state was restored."""
        return self._ends[number]

    def follow_group(self) -> set[int]:
        """Hand over what is not ours any more, and restore what newly is.

        Returns:
            The partitions that were restored before this call and are still ours: of these alone
            may records be folded that were polled before it.

        Raises:
            StateError: The saved state and the log do not fit together.
        """
        before = set(self._partitions)
        assigned = {at.partition for at in self._consumer.assignment()}
        # A partition taken away and given back between two polls counts as lost: another instance
        # may have learned there meanwhile.
        lost = self.assignment.take_lost() | (before - assigned)
        self._release(lost & before)
        for number in self._held.keys() & lost | self._held.keys() - assigned:
            del self._held[number]
        new = assigned - self._partitions.keys()
        self._hold(new - self._held.keys())
        if new:
            self._changelog.expect(new)
        restored = self._restore_held()
        self._report(restored, lost)
        return before & self._partitions.keys() - restored

    def pass_on(self, numbers: Iterable[int]) -> set[int]:
        """Move these states on to where the consumer is; those that have moved.

        It has passed over what holds no event: markers of transactions, and aborted records. All
        that was polled before must have been folded.
        """
        moved = set()
        for number in numbers:
            try:
                at = offsets.position(self._consumer, TopicPartition(self._topic, number))
            except KafkaError:
                continue  # just taken away: the next turn knows
            if at is not None and self._partitions[number].pass_on(at):
                moved.add(number)
        return moved

    def _report(self, restored: AbstractSet[int], lost: AbstractSet[int]) -> None:
        health = self._context.health
        if restored:
            health.behind = None  # unknown until the lag of these is known
        if restored or lost:
            self._context.telemetry.rebalanced()
            log.info("assignment", partitions=sorted(self._partitions))
        self._joined = self._joined or joined(self._consumer)
        health.assignment["learner"] = self._joined
        health.unrestored = frozenset(self._held)

    def _release(self, lost: AbstractSet[int]) -> None:
        """Save these once more, if what was sent on is delivered and no snapshot is under way."""
        settled = bool(lost) and self._outboxes.settle(SETTLE_SECONDS)
        for number in sorted(lost):
            self._changelog.release(number, self._partitions.pop(number), save=settled)
            del self._ends[number]
            self._context.served.release(number)

    def _hold(self, numbers: AbstractSet[int]) -> None:
        """Pause these. Seek first: one partition without a position would hold up all others."""
        for number in numbers:
            at = TopicPartition(self._topic, number)
            self._consumer.seek(at, 0)
            self._consumer.pause(at)
            self._held[number] = -math.inf

    def _restore_held(self) -> set[int]:
        """Restore held partitions for TURN_SECONDS, the longest untried first; those restored.

        Those of one leader together: one that does not answer holds up no others.
        """
        led = defaultdict[int, list[int]](list)
        for number in sorted(self._held, key=lambda held: (self._held[held], held)):
            leader = leader_of(self._consumer, TopicPartition(self._topic, number))
            if leader != NO_LEADER:
                led[-1 if leader is None else leader].append(number)
        restored = set[int]()
        began = monotonic()
        for numbers in led.values():
            if monotonic() - began > TURN_SECONDS:
                break
            restored |= self._restore(numbers)
        return restored

    def _restore(self, numbers: Iterable[int]) -> set[int]:
        """Restore these and read on from where each needs; those restored, the others later."""
        now = monotonic()
        self._context.health.beat("learner", now=now)  # it may take its time
        self._held |= dict.fromkeys(numbers, now)
        patience = 0.0 if self._partitions else RESTORE_SECONDS
        places = [TopicPartition(self._topic, number) for number in numbers]
        try:
            restored = self._changelog.restore(self._consumer, places, patience)
        except StateError:
            raise
        except NotAllowedError as error:
            self._context.health.faults.saw(GROWING, FaultKind.PERMISSION, error.sentence)
            return set()
        except KafkaError as error:
            log.warning("not restored yet", partitions=numbers, error=repr(error))
            return set()
        for at, (partition, end) in restored.items():
            self._context.health.faults.over(GROWING)
            self._ends[at.partition] = end
            self._context.health.ends[at.partition] = LogEnd(end, monotonic())
            self._consumer.seek(at, partition.reads_from)
            self._consumer.resume(at)
            del self._held[at.partition]
            self._partitions[at.partition] = partition
        self._context.served.own({at.partition: it.view() for at, (it, _) in restored.items()})
        return {at.partition for at in restored}
