"""A consumer's coordinator: what it knows and has no public method for, and what it forgets."""

from typing import Any

from kafka.consumer.subscription_state import OffsetResetStrategy

from consumer.client.internals.fencing import Fence
from consumer.client.protocols import Consumer


def watch_heartbeats(consumer: Consumer) -> None:
    """Have a new member of a group raise what Kafka answers to its heartbeats: see ``Fence``."""
    coordinator: Any = getattr(consumer, "_coordinator")
    coordinator.fence = Fence(coordinator)


def spare_a_turn(consumer: Consumer) -> None:
    """Look up the group's coordinator only where it is not known: part of the fast path.

    kafka-python hands the look-up to its I/O thread at each poll and waits for the result.
    """
    coordinator: Any = getattr(consumer, "_coordinator")
    find = coordinator.ensure_coordinator_ready

    def ready(timeout_ms: float | None = None) -> bool:
        return coordinator.coordinator() is not None or find(timeout_ms)

    coordinator.ensure_coordinator_ready = ready


def joined(consumer: Consumer) -> bool:
    """Whether we are a member of the group; a listener is not told where we get no partition."""
    coordinator: Any = getattr(consumer, "_coordinator")
    return bool(coordinator.stable())


def read_what_is_new(consumer: Consumer) -> None:
    """From now on, read a partition without a committed position from its beginning.

    At the first start we begin at the end, because older requests are not ours to answer. Later
    such a partition is a new one, or its topic was recreated: all its requests are to be answered.
    """
    subscription: Any = getattr(consumer, "_subscription")
    subscription._default_offset_reset_strategy = OffsetResetStrategy.EARLIEST


def rejoin(consumer: Consumer) -> None:
    """Make the next poll join the group again; callable from any thread."""
    coordinator: Any = getattr(consumer, "_coordinator")
    coordinator.request_rejoin()


def joins_anew(consumer: Consumer) -> bool:
    """Whether a fenced member was fenced by its own join; then the next poll joins again."""
    fence: Fence | None = getattr(getattr(consumer, "_coordinator"), "fence", None)
    return fence is not None and fence.joins_anew()


def take_up_what_was_paused(consumer: Consumer) -> None:
    """Have the next poll return the records it kept back while their partition was paused.

    kafka-python 3.0 looks for them only where it holds no other fetch. It keeps holding one whose
    records are all used up, and then the partition, once resumed, would never be read again.
    """
    fetcher: Any = getattr(consumer, "_fetcher", None)
    if fetcher is not None and not fetcher._next_partition_records:
        fetcher._next_partition_records = None


def finish_joining(consumer: Consumer) -> None:
    """Have the next poll go on with a join that this one began and did not finish.

    kafka-python 3.0's group leader rejoins when the partitions of its topics change, and forgets
    the reason as soon as it has assigned them. If the poll that began the join times out by then,
    the next one sees no reason to join, and the result is never taken: the member holds no
    partition, without an error.
    """
    coordinator: Any = getattr(consumer, "_coordinator")
    if coordinator.rejoining:
        coordinator.request_rejoin()
