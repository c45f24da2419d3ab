"""Where logs begin and end, asked of each leader by itself: one that is away holds up no other."""

from collections import defaultdict
from collections.abc import Callable, Iterable

from kafka import TopicPartition
from kafka.errors import KafkaTimeoutError, RetriableError

from consumer.client.internals.metadata import leader_of
from consumer.client.protocols import NO_LEADER, Consumer

PATIENCE_MS = 1000
"""What one leader may take to answer."""

Offsets = dict[TopicPartition, int]


def beginnings(consumer: Consumer, places: Iterable[TopicPartition]) -> Offsets:
    """Where these logs begin, of those whose leader answers.

    Raises:
        KafkaError: We may not look.
    """
    return _asked(consumer, places, consumer.beginning_offsets)


def ends(consumer: Consumer, places: Iterable[TopicPartition]) -> Offsets:
    """Where these logs end, of those whose leader answers.

    Raises:
        KafkaError: We may not look.
    """
    return _asked(consumer, places, consumer.end_offsets)


def position(consumer: Consumer, at: TopicPartition) -> int | None:
    """The offset of the next record, as far as the client knows it; waits for nobody.

    Raises:
        KafkaError: The partition is not ours any more.
    """
    return consumer.position(at, timeout_ms=0)


def _asked(
    consumer: Consumer, places: Iterable[TopicPartition], ask: Callable[..., Offsets]
) -> Offsets:
    """A partition that the client has not heard of yet is asked for too: it then looks for it."""
    led = defaultdict[int | None, list[TopicPartition]](list)
    for at in places:
        led[leader_of(consumer, at)].append(at)
    led.pop(NO_LEADER, None)
    found: Offsets = {}
    for together in led.values():
        try:
            found |= ask(together, timeout_ms=PATIENCE_MS)
        except (RetriableError, KafkaTimeoutError, KeyError):
            continue  # it is away, or the topic has just grown
    return found
