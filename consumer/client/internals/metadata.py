"""What a client knows of the cluster: who leads a partition, which topics it goes on asking for."""

from typing import Any

from kafka import TopicPartition

from consumer.client.protocols import NO_LEADER, Consumer, Producer


def keep_to_what_is_there(producer: Producer) -> None:
    """Have a producer ask no more for topics that were deleted."""
    getattr(producer, "_metadata").add_listener(forget_what_is_gone)


def leader_of(consumer: Consumer, at: TopicPartition) -> int | None:
    """The broker that leads the partition; NO_LEADER, or None where the client does not know.

    Where there is none, the client asks for news of it.
    """
    manager: Any = getattr(consumer, "_manager")
    leader: int | None = manager.cluster.leader_for_partition(at)
    if leader == NO_LEADER:
        manager.cluster.request_update()
    return leader


def forget_what_is_gone(cluster: Any) -> None:  # noqa: ANN401 - kafka-python's
    """Called with new metadata: to ask for a topic that was deleted is to ask for ever."""
    cluster._topics &= cluster._partitions.keys()
