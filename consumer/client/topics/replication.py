"""How many brokers have each record: chosen for topics that we make, looked at in the others."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from consumer.settings import Settings

MAX_FACTOR = 3


@dataclass(frozen=True, slots=True)
class Replication:
    """The copies of each record of a topic.

    Attributes:
        factor: How many there are: replication.factor.
        min_insync: On how many of them a record counts as written: min.insync.replicas.
    """

    factor: int
    min_insync: int

    @classmethod
    def of(cls, settings: Settings, brokers: int) -> Self:
        """The copies of the topics that we make, where there are so many brokers."""
        return cls.chosen(brokers, settings.replication_factor, settings.min_insync_replicas)

    @classmethod
    def chosen(cls, brokers: int, factor: int | None, min_insync: int | None) -> Self:
        """As many copies as there are brokers, three at most; one of them may be away.

        Args:
            brokers: How many there are.
            factor: What to take instead; Kafka refuses more than there are brokers.
            min_insync: What to take instead; no fewer copies are made than that.
        """
        copies = factor or max(min(brokers, MAX_FACTOR), min_insync or 1)
        return cls(copies, min_insync or max(copies - 1, 1))

    @property
    def config(self) -> Mapping[str, str]:
        """What the topic's settings say of it."""
        return {"min.insync.replicas": str(self.min_insync)}


def of_replicas(
    partitions: Sequence[Mapping[str, Any]], min_insync: int | None, brokers: int
) -> Iterator[tuple[str, str]]:
    """What the copies of a topic that is there may cost, on several brokers.

    Args:
        partitions: As Kafka describes them.
        min_insync: The topic's min.insync.replicas; None where it is not shown to us.
        brokers: How many there are.
    """
    factor = min((len(partition["replica_nodes"]) for partition in partitions), default=0)
    if brokers == 1 or factor == 0:
        return
    if factor == 1:
        means = (
            "each broker has partitions that no other has: while it is down they stand still, and "
            "their records go with its disk"
        )
        yield "replication.factor=1", means
    elif min_insync == 1:
        means = (
            "a record counts as written when one broker has it, and is lost where that one is then "
            "lost"
        )
        yield "min.insync.replicas=1", means
    elif min_insync is not None and min_insync >= factor:
        means = "while any broker of a partition is down, nothing can be written to it"
        yield f"min.insync.replicas={min_insync}", means
