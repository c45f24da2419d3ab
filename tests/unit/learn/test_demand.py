"""What other instances want to be saved now, read from a topic that anybody may have written to."""

import threading
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka import TopicPartition

from consumer.learn import demand as module
from consumer.learn.demand import MAX_POSITIONS, SAVE_SECONDS, Demand, read, write
from unit.records import Record
from unit.respond.test_replies import MemoryProducer

TOPIC = "riverline-changelog-demand"


class World:
    """An owner of partitions 0 and 1, on a clock set by hand."""

    def __init__(self) -> None:
        self.now = 10.0
        self.producer = MemoryProducer({TOPIC: {0}})
        context: Any = SimpleNamespace(
            settings=SimpleNamespace(demand_topic=TOPIC),
            served=SimpleNamespace(ours=lambda: {0, 1}),
        )
        self.demand = Demand(context, self._consumer(), self.producer)
        self.demand._begun = True
        self.came: list[bytes | None] = []
        self.positions = {0: 0, 1: 0}

    def _consumer(self) -> Any:  # noqa: ANN401
        def poll(**_: object) -> dict[TopicPartition, list[Record]]:
            came, self.came = self.came, []
            return {TopicPartition(TOPIC, 0): [Record(0, value) for value in came]}

        return SimpleNamespace(poll=poll)

    def want(self, partition: int, position: int) -> None:
        self.came.append(write(partition, position))
        self.turn()

    def turn(self) -> None:
        self.demand._turn(threading.Event())

    def met(self) -> list[int]:
        owned: Any = [(it, SimpleNamespace(position=at)) for it, at in self.positions.items()]
        return [number for number, _ in self.demand.met(owned)]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setattr(module, "monotonic", lambda: made.now)
    monkeypatch.setattr(module, "poll", lambda consumer, _: consumer.poll())
    return made


def test_a_position_is_remembered_until_the_partition_has_it(world: World) -> None:
    world.want(1, 7)
    assert world.met() == []
    world.positions[1] = 7
    assert world.met() == world.met() == [1]
    world.demand.done(1, 7)
    world.now += 1.01 * SAVE_SECONDS
    assert world.met() == []


def test_a_snapshot_serves_all_that_it_has_the_positions_of(world: World) -> None:
    for position in (5, 6, 9):
        world.want(0, position)
    world.positions[0] = 8
    assert world.met() == [0]
    world.demand.done(0, 8)
    world.now += 1.01 * SAVE_SECONDS
    assert world.met() == []
    world.positions[0] = 9
    assert world.met() == [0]


def test_a_partition_is_not_saved_too_often(world: World) -> None:
    world.positions[0] = 10
    world.want(0, 1)
    world.demand.done(0, 10)
    world.want(0, 2)
    world.now += SAVE_SECONDS - 0.01
    assert world.met() == []
    world.now += 0.02
    assert world.met() == [0]


def test_what_is_another_s_is_not_remembered(world: World) -> None:
    world.want(7, 1)
    assert world.demand._wanted == {}


def test_of_too_many_positions_the_lowest_are_kept(world: World) -> None:
    for position in range(2 * MAX_POSITIONS, 0, -1):
        world.want(0, position)
    assert world.demand._wanted[0] == set(range(1, MAX_POSITIONS + 1))


def test_one_is_asked_for_as_it_is_read(world: World) -> None:
    world.demand.ask(3, 1234)
    (sent,) = world.producer.sent
    assert read(sent.value) == (3, 1234)


def test_where_it_cannot_be_asked_for_nothing_is_raised(world: World) -> None:
    world.producer.topics.clear()
    world.demand.ask(3, 1234)
    assert world.producer.sent == []


@given(
    st.binary() | st.none() | st.sampled_from([b"{}", b"[]", b'{"partition":true,"position":1}'])
)
def test_any_bytes_are_a_position_or_none(value: bytes | None) -> None:
    wanted = read(value)
    assert wanted is None or all(type(it) is int and it >= 0 for it in wanted)


@pytest.mark.parametrize(
    "value", [None, b"", b"7", b'{"partition":1}', b'{"partition":-1,"position":1}']
)
def test_what_is_none_is_passed_over(world: World, value: bytes | None) -> None:
    world.came.append(value)
    world.turn()
    assert world.demand._wanted == {}
