"""First and last offsets, asked of each leader separately: one that is away delays no other."""

from collections import defaultdict
from collections.abc import Callable, Iterable

from kafka import TopicPartition
from kafka.errors import KafkaTimeoutError, RetriableError

from consumer.client.internals.metadata import leader_of, position_of
from consumer.client.protocols import NO_LEADER, Consumer

PATIENCE_MS = 1000
"""Time limit for each leader's answer."""

Offsets = dict[TopicPartition, int]


def beginnings(consumer: Consumer, places: Iterable[TopicPartition]) -> Offsets:
    """The first offsets of the partitions whose leader answers.

    Raises:
        KafkaError: A permission is missing.
    """
    return _asked(consumer, places, consumer.beginning_offsets)


def ends(consumer: Consumer, places: Iterable[TopicPartition]) -> Offsets:
    """The end offsets of the partitions whose leader answers.

    Raises:
        KafkaError: A permission is missing.
    """
    return _asked(consumer, places, consumer.end_offsets)


def position(consumer: Consumer, at: TopicPartition) -> int | None:
    """The offset of the next record; None if the client does not know it yet. Does not block.

    Raises:
        KafkaError: The partition is no longer assigned to us.
    """
    return position_of(consumer, at)


def _asked(
    consumer: Consumer, places: Iterable[TopicPartition], ask: Callable[..., Offsets]
) -> Offsets:
    """Includes partitions that the client does not know yet: asking makes it look them up."""
    led = defaultdict[int | None, list[TopicPartition]](list)
    for at in places:
        led[leader_of(consumer, at)].append(at)
    led.pop(NO_LEADER, None)
    found: Offsets = {}
    for together in led.values():
        try:
            found |= ask(together, timeout_ms=PATIENCE_MS)
        except (RetriableError, KafkaTimeoutError, KeyError):
            continue  # the leader is away, or the partition is new
    return found
