"""Options that our clients share: ages of metadata, timeouts of requests, the partitioner."""

from typing import Any

from kafka.partitioner import DefaultPartitioner
from kafka.partitioner.default import murmur2

METADATA_MAX_AGE_MS = 2000
"""How often leaders are asked for: a broker that hangs keeps its connections open."""

REPLIES_METADATA_MAX_AGE_MS = 1000
"""The same, where a requester waits for the answer."""

REQUEST_TIMEOUT_MS = 5000
"""After this time a request to a broker that hangs (paused, its disk stuck) fails, and is
sent to whichever broker leads the partition by then."""


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
