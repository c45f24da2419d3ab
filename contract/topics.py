"""The topics and the settings each is created with."""

from collections.abc import Mapping
from dataclasses import dataclass, field

PARTITIONS = 4
MAX_SNAPSHOT_BYTES = 8 * 1024 * 1024

_BOUNDED = {
    # The broker unpacks what a sender compressed, so a bomb (a 9 kB record that unpacks to 894 MB)
    # is refused there and never reaches a client.
    "compression.type": "uncompressed",
    "max.message.bytes": "1048576",
}


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it is created where it is missing.

    Attributes:
        name: The topic's name.
        partitions: How many partitions.
        config: Kafka's topic settings, as strings.
        cleanup_policy: ``delete`` or ``compact``: checked where the topic is present.
    """

    name: str
    partitions: int = PARTITIONS
    config: Mapping[str, str] = field(default_factory=dict)

    @property
    def cleanup_policy(self) -> str:
        """What the broker does with old records."""
        return self.config.get("cleanup.policy", "delete")


def events(name: str) -> Topic:
    """Events are the truth that the model is a fold of: they are kept for good."""
    return Topic(name, config={**_BOUNDED, "retention.ms": "-1"})


def requests(name: str) -> Topic:
    """Nobody waits for an answer longer than an hour."""
    return Topic(name, config={**_BOUNDED, "retention.ms": "3600000"})


def replies(name: str) -> Topic:
    """Replies are read at once or never."""
    return Topic(name, config={"retention.ms": "3600000"})


def changelog(name: str, partitions: int) -> Topic:
    """Snapshots, one partition for each of the events topic; only the latest of each matter."""
    return Topic(
        name,
        partitions,
        {
            "cleanup.policy": "compact",
            "compression.type": "producer",
            "max.message.bytes": str(MAX_SNAPSHOT_BYTES),
            # A new segment each minute or 16 MB, so that the cleaner may drop what is superseded.
            "segment.ms": "60000",
            "segment.bytes": str(16 * 1024 * 1024),
            "min.cleanable.dirty.ratio": "0.1",
            "delete.retention.ms": "60000",
            "max.compaction.lag.ms": "60000",
        },
    )


def dead_letters(name: str) -> Topic:
    """Dead letters wait for a person."""
    return Topic(name, config={"retention.ms": "-1"})
