"""The lag in the metrics, in seconds: known where Kafka has told of the log's end."""

import math
import time
from collections.abc import Iterator
from typing import cast

import pytest
from kafka import TopicPartition

from consumer.client import offsets
from consumer.client.permissions import Permissions
from consumer.client.precedence import Precedence
from consumer.client.protocols import Consumer
from consumer.context import Context
from consumer.learn.lag import Lag
from consumer.learn.owned import OwnedPartitions
from consumer.model.partition import Partition
from consumer.model.served import Served
from consumer.settings import Settings
from consumer.telemetry.health import Health
from consumer.telemetry.metrics import Telemetry
from unit.records import Record, spec

HOUR_SECONDS = 3600.0


class Ends:
    """A consumer that stands at these positions of logs that end there."""

    def __init__(self, positions: dict[int, int], ends: dict[int, int]) -> None:
        self.positions, self.ends = positions, ends

    def highwater(self, at: TopicPartition) -> int:
        return self.ends[at.partition]


class Ours:
    """The partitions that are ours, restored."""

    held: tuple[int, ...] = ()

    def __iter__(self) -> Iterator[tuple[int, Partition]]:
        return iter([(number, Partition(spec())) for number in (0, 1)])


class World:
    def __init__(self) -> None:
        served, self.health = Served(spec()), Health()
        self.telemetry = Telemetry(served, {"version": "test"})
        permissions = Permissions(Settings(), self.health.faults)
        context = Context(
            Settings(), served, self.telemetry, self.health, Precedence(), permissions
        )
        self.consumer = Ends({0: 5, 1: 9}, {0: 5, 1: 20})
        consumer, ours = cast("Consumer", self.consumer), cast("OwnedPartitions", Ours())
        self.lag = Lag(context, consumer, ours)

    def note(self, *known: int) -> tuple[float, float]:
        """What the metrics say of the partitions, in seconds, if of these the ends are known."""
        now = time.monotonic()
        ends = {number: self.consumer.ends[number] for number in known}
        self.health.note_ends(ends, dict.fromkeys((0, 1), True), now=now)
        self.lag.note()
        return self.seconds("0"), self.seconds("1")

    def seconds(self, partition: str) -> float:
        name, labels = "riverline_consumer_lag_seconds", {"partition": partition}
        found = self.telemetry.registry.get_sample_value(name, labels)
        assert found is not None
        return found


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr(offsets, "position", lambda consumer, at: consumer.positions[at.partition])
    return world


def test_caught_up_is_0_and_behind_is_the_age_of_the_last_record_learned(world: World) -> None:
    an_hour_ago = int((time.time() - HOUR_SECONDS) * 1000)
    for number in (0, 1):
        world.lag.learned(number, [Record(4, b"", an_hour_ago)])
    caught_up, behind = world.note(0, 1)
    assert caught_up == 0
    assert HOUR_SECONDS <= behind < HOUR_SECONDS + 60
    world.consumer.positions[1] = 20
    assert world.note(0, 1) == (0, 0)


def test_a_partition_whose_log_s_end_is_not_known_has_no_lag_in_seconds(world: World) -> None:
    caught_up, behind = world.note(0)
    assert caught_up == 0
    assert math.isnan(behind)
