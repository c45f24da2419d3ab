"""Replicas: chosen for the topics that we create, checked in those that exist."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from consumer.settings import Settings

MAX_FACTOR = 3


@dataclass(frozen=True, slots=True)
class Replication:
    """The replicas of a topic.

    Attributes:
        factor: Their number: replication.factor.
        min_insync: How many must have a record before it counts as written: min.insync.replicas.
    """

    factor: int
    min_insync: int

    @classmethod
    def of(cls, settings: Settings, brokers: int) -> Self:
        """The replicas of the topics that we create on this many brokers."""
        return cls.chosen(brokers, settings.replication_factor, settings.min_insync_replicas)

    @classmethod
    def chosen(cls, brokers: int, factor: int | None, min_insync: int | None) -> Self:
        """One replica for each broker, at most three; writes need all but one of them.

        Args:
            brokers: The number of brokers.
            factor: Overrides the number of replicas; Kafka refuses more than there are brokers.
            min_insync: Overrides how many writes need; the default factor is at least as large.
        """
        copies = factor or max(min(brokers, MAX_FACTOR), min_insync or 1)
        return cls(copies, min_insync or max(copies - 1, 1))

    @property
    def config(self) -> Mapping[str, str]:
        """The part of it that is a topic's setting."""
        return {"min.insync.replicas": str(self.min_insync)}


def of_replicas(
    partitions: Sequence[Mapping[str, Any]], min_insync: int | None, brokers: int
) -> Iterator[tuple[str, str]]:
    """Check an existing topic's replicas; yields each risky setting and its consequence.

    Args:
        partitions: As Kafka describes them.
        min_insync: The topic's min.insync.replicas; None if we may not see it.
        brokers: The number of brokers; with one there is nothing to choose.
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
