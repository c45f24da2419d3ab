"""A client's cluster metadata: partition leaders, topic ids, and the topics that it asks about."""

from collections.abc import Callable
from typing import Any

from kafka import TopicPartition

from consumer.client.protocols import NO_LEADER, Consumer, Producer


def keep_to_what_is_there(producer: Producer) -> None:
    """Make a producer stop asking for the metadata of deleted topics."""
    getattr(producer, "_metadata").add_listener(forget_what_is_gone)


def leader_of(consumer: Consumer, at: TopicPartition) -> int | None:
    """The broker that leads the partition; NO_LEADER, or None where the client does not know.

    Where the partition has no leader, new metadata is requested.
    """
    manager: Any = getattr(consumer, "_manager")
    leader: int | None = manager.cluster.leader_for_partition(at)
    if leader == NO_LEADER:
        manager.cluster.request_update()
    return leader


def forget_what_is_gone(cluster: Any) -> None:  # noqa: ANN401 - kafka-python's
    """A metadata listener: kafka-python would ask for a deleted topic for ever."""
    cluster._topics &= cluster._partitions.keys()


def watch_topic_id(consumer: Consumer, topic: str, heard: Callable[[str], None]) -> None:
    """Pass on the topic's id with each new metadata of the consumer, in its I/O thread.

    A topic that was deleted has none, nor has any topic of a broker before Kafka 2.8.
    """

    def with_new(cluster: Any) -> None:  # noqa: ANN401 - kafka-python's
        topic_id = cluster.topic_id(topic)
        if topic_id is not None and cluster.partitions_for_topic(topic):
            heard(str(topic_id))

    cluster: Any = getattr(consumer, "_cluster")
    cluster.add_listener(with_new)
