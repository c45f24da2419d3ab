"""The topics, and the settings that each is created with."""

from collections.abc import Mapping
from dataclasses import dataclass, field

PARTITION_COUNT = 4
MAX_SNAPSHOT_BYTES = 8 * 1024 * 1024

_BOUNDED = {
    # The broker unpacks what a sender compressed, so a bomb (a 9 kB record that unpacks to 894 MB)
    # is refused there and never reaches a client.
    "compression.type": "uncompressed",
    "max.message.bytes": "1048576",
}


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic, as the service creates it if it is missing.

    Attributes:
        name: The topic's name.
        partition_count: How many partitions it has.
        config: Kafka's topic settings, as strings.
    """

    name: str
    partition_count: int = PARTITION_COUNT
    config: Mapping[str, str] = field(default_factory=dict)


def events(name: str) -> Topic:
    """Events are the source of truth: the model is a fold of them, so they are kept forever."""
    return Topic(name, config={**_BOUNDED, "retention.ms": "-1"})


def requests(name: str) -> Topic:
    """Requests: kept for an hour, as no asker waits longer."""
    return Topic(name, config={**_BOUNDED, "retention.ms": "3600000"})


def replies(name: str) -> Topic:
    """Replies: kept for an hour; they are read at once or never."""
    return Topic(name, config={"retention.ms": "3600000"})


def changelog(name: str, partition_count: int) -> Topic:
    """Snapshots, one partition for each of the events topic; the latest of each part matters."""
    return Topic(
        name,
        partition_count,
        {
            "cleanup.policy": "compact",
            "compression.type": "producer",
            "max.message.bytes": str(MAX_SNAPSHOT_BYTES),
            # A new segment each minute or 16 MB, so that compaction may drop old snapshots.
            "segment.ms": "60000",
            "segment.bytes": str(16 * 1024 * 1024),
            "min.cleanable.dirty.ratio": "0.1",
            "delete.retention.ms": "60000",
            "max.compaction.lag.ms": "60000",
        },
    )


def predictions(name: str) -> Topic:
    """Predictions of events without a target: kept for a week."""
    return Topic(name, config={"retention.ms": "604800000"})


def demand(name: str) -> Topic:
    """Which snapshots instances want now: read at once or never."""
    return Topic(name, 1, {"retention.ms": "60000", "segment.ms": "60000"})


def dead_letters(name: str) -> Topic:
    """Dead letters: kept until somebody looks at them."""
    return Topic(name, config={"retention.ms": "-1"})
