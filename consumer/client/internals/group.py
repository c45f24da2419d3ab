"""What a consumer's group client knows and does not say, and what it forgets."""

from typing import Any

from kafka.consumer.subscription_state import OffsetResetStrategy

from consumer.client.internals.fencing import Fence
from consumer.client.protocols import Consumer


def prepare(consumer: Consumer) -> None:
    """Make a new member of a group cheaper to poll, and attentive to its heartbeats."""
    coordinator: Any = getattr(consumer, "_coordinator")
    _spare_a_turn(coordinator)
    coordinator.fence = Fence(coordinator)


def _spare_a_turn(coordinator: Any) -> None:  # noqa: ANN401 - kafka-python's
    """Send a poll to the I/O thread for the group's coordinator only where it is not known.

    The client goes there and back with each poll; an answer waits for that once.
    """
    find = coordinator.ensure_coordinator_ready

    def ready(timeout_ms: float | None = None) -> bool:
        return coordinator.coordinator() is not None or find(timeout_ms)

    coordinator.ensure_coordinator_ready = ready


def joined(consumer: Consumer) -> bool:
    """Whether the group counts on us; where our part is nothing, no listener is told of it."""
    coordinator: Any = getattr(consumer, "_coordinator")
    return bool(coordinator.stable())


def read_what_is_new(consumer: Consumer) -> None:
    """From now on, begin a partition without a position at its beginning, not at its end.

    The end is for the first start, which has nothing to do with what was asked before. Later such a
    partition is a new one, as where its topic was recreated: it holds what was asked since.
    """
    subscription: Any = getattr(consumer, "_subscription")
    subscription._default_offset_reset_strategy = OffsetResetStrategy.EARLIEST


def rejoin(consumer: Consumer) -> None:
    """Make the next poll join the group again; may be called by any thread."""
    coordinator: Any = getattr(consumer, "_coordinator")
    coordinator.request_rejoin()


def joins_anew(consumer: Consumer) -> bool:
    """Whether a member that is fenced was so by itself, and joins again with the next poll."""
    fence: Fence | None = getattr(getattr(consumer, "_coordinator"), "fence", None)
    return fence is not None and fence.joins_anew()


def take_up_what_was_paused(consumer: Consumer) -> None:
    """Have the next poll go on with records that were laid aside when their partition was paused.

    kafka-python 3.0 takes them up where it has no present records; but those that are used up stay
    in their place, and the partition, once resumed, would never be read again.
    """
    fetcher: Any = getattr(consumer, "_fetcher", None)
    if fetcher is not None and not fetcher._next_partition_records:
        fetcher._next_partition_records = None


def finish_joining(consumer: Consumer) -> None:
    """Keep a join that a poll has begun and not ended wanted until its result is taken.

    kafka-python 3.0's group leader joins anew when the partitions of its topics change, and forgets
    why the moment it has shared them. Where the poll that began it has run out by then, the next
    one sees no reason to join, and nobody ever takes the result: no partition, and no error.
    """
    coordinator: Any = getattr(consumer, "_coordinator")
    if coordinator.rejoining:
        coordinator.request_rejoin()
