"""What a client knows without asking: leaders, topic ids, the topics it asks about, positions."""

from collections.abc import Callable
from typing import Any

from kafka import TopicPartition
from kafka.errors import IllegalStateError

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


def position_of(consumer: Consumer, at: TopicPartition) -> int | None:
    """The offset of the next record; None if the client does not know it yet.

    ``KafkaConsumer.position`` looks at all assigned partitions for each that it is asked for.

    Raises:
        IllegalStateError: The partition is not assigned to us.
    """
    subscription: Any = getattr(consumer, "_subscription")
    state = subscription.assignment.get(at)
    if state is None:
        raise IllegalStateError("the partition is not assigned")
    return None if state.position is None else int(state.position.offset)


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
