"""The partition of a record: the default partitioner's, or another one while that has no leader."""

from typing import Any

from kafka.partitioner import DefaultPartitioner
from kafka.partitioner.default import murmur2


class RoundTheLeaderless(DefaultPartitioner):  # type: ignore[misc]  # kafka-python has no types
    """The default partitioner, except that a key skips a partition without a leader."""

    def partition(
        self,
        topic: str,
        key: object,
        serialized_key: bytes | None,
        value: object,
        serialized_value: bytes | None,
        cluster: Any,  # noqa: ANN401 - kafka-python's
    ) -> int:
        """A partition with a leader, if the topic has any."""
        chosen: int = super().partition(
            topic, key, serialized_key, value, serialized_value, cluster
        )
        led = sorted(cluster.available_partitions_for_topic(topic))
        if chosen in led or not led or serialized_key is None:
            return chosen
        return int(led[(murmur2(serialized_key) & 0x7FFFFFFF) % len(led)])


round_the_leaderless = RoundTheLeaderless()
