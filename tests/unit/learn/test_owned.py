"""Partitions are looked up and restored when they come, and not at every turn after that."""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

from kafka import TopicPartition

from consumer.learn.owned import OwnedPartitions

EVENTS = "events"


class World:
    """Stands in for the consumer and the changelog: what is assigned, and what is looked up."""

    def __init__(self) -> None:
        self.assigned: set[int] = set()
        self.expected: list[set[int]] = []
        cluster = SimpleNamespace(leader_for_partition=lambda _at: 1)
        self._manager = SimpleNamespace(cluster=cluster)
        self._coordinator = SimpleNamespace(stable=lambda: True)
        self.seek = self.pause = self.resume = MagicMock()

    def assignment(self) -> set[TopicPartition]:
        return {TopicPartition(EVENTS, number) for number in self.assigned}

    def expect(self, numbers: Iterable[int]) -> None:
        self.expected.append(set(numbers))

    def restore(self, _consumer: object, places: Iterable[TopicPartition], _patience: float) -> Any:  # noqa: ANN401
        return {at: (MagicMock(), 0) for at in places}


def test_only_a_partition_that_is_new_is_looked_up_in_the_changelog() -> None:
    world: Any = World()
    context: Any = MagicMock()
    context.settings.events_topic = EVENTS
    owned = OwnedPartitions(context, world, MagicMock(), world)
    for assigned in ({0, 1}, {0, 1}, {0, 1}, {0, 1, 2}, {0, 1, 2}):
        world.assigned = assigned
        owned.follow_group()
    assert world.expected == [{0, 1}, {2}]
    assert [number for number, _ in owned] == [0, 1, 2]
