"""Questions that wait for positions: answered from a model that has them, or refused in time."""

from math import inf
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka import TopicPartition

from consumer.decode import RequestError
from consumer.model import Model, Partition, PartitionView, Served
from consumer.respond import waiting as module
from consumer.respond.pending import PendingReply
from consumer.respond.waiting import (
    ASK_AGAIN_SECONDS,
    ASK_SECONDS,
    LOOK_SECONDS,
    MAX_BYTES,
    MAX_QUESTIONS,
    MAX_WAIT_SECONDS,
    WAIT_SECONDS,
    Question,
    Waiting,
    not_yet,
    wait_until,
)
from contract.messages import ErrorCode
from unit.records import spec

AT = TopicPartition("requests", 0)
OTHER = TopicPartition("requests", 1)
PARTITIONS = 4


def view(position: int) -> PartitionView:
    """Of a partition that has passed what came before this position."""
    return Partition(spec(), position).view()


class World:
    """Questions before a model whose positions are set by hand."""

    def __init__(self) -> None:
        self.served = Served(spec())
        self.asked: list[tuple[int, int]] = []
        self.waiting = Waiting(
            self.served, PARTITIONS, lambda number, position: self.asked.append((number, position))
        )
        self.said: list[tuple[str, dict[int, int]]] = []

    def own(self, **positions: int) -> None:
        """Partitions p0, p1, ... are ours, at these positions."""
        self.served.own({int(it[1:]): view(at) for it, at in positions.items()})

    def follow(self, number: int, position: int) -> None:
        self.served.follow(number, view(position))

    def ask(
        self, name: str, bounds: dict[int, int], *, until: float = 100, at: TopicPartition = AT
    ) -> Question:
        def answer(model: Model) -> PendingReply:
            self.said.append((name, {it: model.position(it) for it in bounds}))
            return cast("PendingReply", Settled())

        def refuse(refusal: RequestError) -> PendingReply:
            self.said.append((f"{name}: {refusal.code}", dict(refusal.positions or {})))
            return cast("PendingReply", Settled())

        question = Question(at, bounds, until, 1, answer, refuse)
        self.waiting.add(question, self.served.model)
        return question


class Settled:
    settled = True


@pytest.fixture
def world() -> World:
    return World()


def test_it_is_answered_when_the_model_has_all_that_it_asks_for(world: World) -> None:
    world.own(p0=5, p1=5)
    question = world.ask("both", {0: 7, 1: 6})
    assert world.waiting.look(0) == LOOK_SECONDS
    world.own(p0=8)
    assert world.waiting.look(0) == LOOK_SECONDS
    assert not question.settled
    world.own(p1=6)
    assert world.waiting.look(0) == inf
    assert world.said == [("both", {0: 8, 1: 6})]
    assert question.settled


def test_of_those_under_one_partition_each_has_its_turn(world: World) -> None:
    world.own(p0=0)
    for bound in (30, 10, 20):
        world.ask(str(bound), {0: bound})
    for position in (9, 10, 25, 31):
        world.own(p0=position)
        world.waiting.look(0)
    assert world.said == [("10", {0: 10}), ("20", {0: 25}), ("30", {0: 31})]


def test_one_that_waits_in_vain_is_told_the_positions_reached(world: World) -> None:
    world.own(p0=5)
    question = world.ask("late", {0: 7, 3: 1}, until=2.0)
    world.waiting.look(1.99)
    assert world.said == []
    assert world.waiting.look(2.0) == inf
    assert world.said == [("late: not-yet", {0: 5, 3: 0})]
    assert question.settled
    world.own(p0=9, p3=1)
    world.waiting.look(3.0)
    assert len(world.said) == 1


def test_no_more_wait_than_there_is_room_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (MAX_QUESTIONS, MAX_BYTES) == (10_000, 16 * 1024 * 1024)
    monkeypatch.setattr(module, "MAX_QUESTIONS", 2)
    world.ask("one", {0: 1})
    world.ask("two", {0: 1})
    with pytest.raises(RequestError, match="too many") as refused:
        world.ask("three", {0: 1})
    assert refused.value.code is ErrorCode.NOT_YET
    world.own(p0=1)
    world.waiting.look(0)
    world.ask("three", {0: 2})


def test_nor_more_bytes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 1)
    world.ask("one", {0: 1}, until=1)
    with pytest.raises(RequestError, match="too many"):
        world.ask("two", {0: 1})
    world.waiting.look(1)
    world.ask("two", {0: 1})


def test_those_of_partitions_that_are_another_s_now_are_forgotten(world: World) -> None:
    world.ask("ours", {0: 1})
    world.ask("another's", {0: 1}, at=OTHER)
    world.waiting.keep({AT})
    world.own(p0=1)
    world.waiting.look(0)
    assert [name for name, _ in world.said] == ["ours"]


def test_they_give_way_to_events_that_are_to_be_committed(world: World) -> None:
    world.ask("before", {0: 1})
    world.ask("elsewhere", {0: 1}, at=OTHER)
    world.waiting.give_up(AT)
    assert [name for name, _ in world.said] == ["before: not-yet"]
    assert len(world.waiting) == 1


def test_the_owner_is_asked_for_the_lowest_bound_of_what_is_not_ours(world: World) -> None:
    world.own(p0=0)
    world.ask("ours", {0: 5})
    world.ask("high", {1: 9})
    world.ask("low", {1: 7})
    world.waiting.look(0)
    assert world.asked == [(1, 7)]
    world.waiting.look(ASK_SECONDS)
    assert world.asked == [(1, 7)]
    world.follow(1, 8)
    world.waiting.look(2 * ASK_SECONDS)
    assert world.asked == [(1, 7), (1, 9)]


def test_a_lost_one_is_asked_again(world: World) -> None:
    world.ask("it", {1: 9})
    for now in (0, ASK_AGAIN_SECONDS - 0.01, ASK_AGAIN_SECONDS):
        world.waiting.look(now)
    assert world.asked == [(1, 9)] * 2


def test_what_has_waited_leaves_nothing_behind(world: World) -> None:
    for number in range(2000):
        world.ask("in vain", {0: 10**9}, until=number)
        world.waiting.look(number)
    assert len(world.waiting._under[0]) < 200
    assert len(world.waiting._deadlines) < 200


@pytest.mark.parametrize(
    ("left_ms", "waits"),
    [
        (None, WAIT_SECONDS),
        (10_000, 9.8),
        (1000, 0.8),
        (100, 0.08),
        (0, 0.0),
        (-5, 0.0),
        (10**9, MAX_WAIT_SECONDS),
    ],
)
def test_it_waits_until_its_deadline_and_a_little_less(left_ms: int | None, waits: float) -> None:
    now_ms = 1_780_000_000_000
    deadline = None if left_ms is None else now_ms + left_ms
    assert wait_until(deadline, now_ms, 7.0) == pytest.approx(7.0 + waits)


def test_partitions_that_the_topic_has_not_are_refused_until_it_has(world: World) -> None:
    with pytest.raises(RequestError, match="no partition 4"):
        world.waiting.met({4: 0}, world.served.model)
    world.waiting.widen(5)
    assert world.waiting.met({4: 0}, world.served.model)


def test_the_sentence_and_the_positions() -> None:
    refusal = not_yet({1: 3}, Model(spec(), {}), "because")
    assert refusal.positions == {1: 0}
    assert "because" in refusal.message


positions = st.integers(0, 6)


@given(
    st.lists(
        st.tuples(st.just("ask"), st.dictionaries(st.integers(0, 3), positions, min_size=1))
        | st.tuples(st.just("move"), st.dictionaries(st.integers(0, 3), positions, min_size=1)),
        max_size=30,
    )
)
def test_each_is_answered_once_by_the_first_model_that_has_its_positions(
    steps: list[tuple[str, dict[int, int]]],
) -> None:
    world = World()
    now: dict[int, int] = {}
    expected: list[tuple[str, dict[int, int]]] = []
    open_ones: dict[str, dict[int, int]] = {}
    for number, (what, numbers) in enumerate(steps):
        if what == "ask":
            if not world.waiting.met(numbers, world.served.model):
                world.ask(str(number), numbers)
                open_ones[str(number)] = numbers
        else:
            now |= {it: max(at, now.get(it, 0)) for it, at in numbers.items()}
            views: dict[int, PartitionView] = {it: view(now[it]) for it in numbers}
            world.served.own(views)
        world.waiting.look(0)
        done = [
            name
            for name, bounds in open_ones.items()
            if all(now.get(it, 0) >= bound for it, bound in bounds.items())
        ]
        expected += [(it, {at: now.get(at, 0) for at in open_ones.pop(it)}) for it in done]
        assert sorted(world.said) == sorted(expected)
    assert len(world.waiting) == len(open_ones)
