"""Positions of requests are committed until Kafka has acknowledged them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from kafka import TopicPartition
from kafka.errors import CommitFailedError, FencedInstanceIdError, KafkaTimeoutError
from kafka.structs import OffsetAndMetadata

from consumer.client.protocols import Consumer
from consumer.respond.positions import COMMIT_SECONDS, LOST_SECONDS, Positions

ZERO, ONE = (TopicPartition("requests", number) for number in (0, 1))
Offsets = Mapping[TopicPartition, OffsetAndMetadata]


@dataclass
class OnItsWay:
    settled: bool = False


@dataclass
class Group:
    """A consumer whose commits are answered when the test says so."""

    asked: list[dict[TopicPartition, int]] = field(default_factory=list)
    callbacks: list[Callable[[object], None]] = field(default_factory=list)
    fault: BaseException | None = None

    def commit_async(self, offsets: Offsets, callback: Callable[..., None]) -> None:
        self.commit(offsets, 0)
        self.callbacks.append(lambda response: callback(offsets, response))

    def commit(self, offsets: Offsets, timeout_ms: int) -> None:
        assert timeout_ms >= 0
        self.asked.append({at: offset.offset for at, offset in offsets.items()})
        if self.fault is not None:
            raise self.fault

    def answer(self, response: object = None) -> None:
        self.callbacks.pop(0)(response)


@dataclass
class Turns:
    """The responder's turns, a second apart."""

    group: Group = field(default_factory=Group)
    now: float = 1000.0
    positions: Positions = field(init=False)

    def __post_init__(self) -> None:
        self.positions = Positions(cast("Consumer", self.group))
        self.positions.begin(ZERO, 7)

    def turn(self, seconds: float = COMMIT_SECONDS) -> list[dict[TopicPartition, int]]:
        """What is committed next."""
        self.now += seconds
        before = len(self.group.asked)
        self.positions.commit_when_due(self.now)
        return self.group.asked[before:]


@pytest.fixture
def turns() -> Turns:
    return Turns()


def test_where_a_partition_begins_is_committed_at_once_and_once(turns: Turns) -> None:
    assert turns.turn(0) == [{ZERO: 7}]
    turns.group.answer()
    assert turns.turn() == []
    turns.positions.begin(ZERO, 9)  # it has begun
    assert turns.turn() == []


def test_what_is_not_acknowledged_is_committed_again(turns: Turns) -> None:
    assert turns.turn() == [{ZERO: 7}]
    turns.group.answer(CommitFailedError())
    turns.positions.took(ZERO, 7, None)
    assert turns.turn() == [{ZERO: 8}]
    turns.group.answer(KafkaTimeoutError())
    assert turns.turn() == [{ZERO: 8}]
    turns.group.answer()
    assert turns.turn() == []


def test_a_commit_that_is_refused_at_once_is_tried_again(turns: Turns) -> None:
    turns.group.fault = CommitFailedError()
    assert turns.turn() == [{ZERO: 7}]
    turns.group.fault = None
    assert turns.turn() == [{ZERO: 7}]


def test_one_commit_is_on_its_way_until_it_is_taken_for_lost(turns: Turns) -> None:
    assert turns.turn() == [{ZERO: 7}]
    turns.positions.took(ZERO, 7, None)
    assert turns.turn() == []
    assert turns.turn(LOST_SECONDS) == [{ZERO: 8}]


def test_a_request_is_committed_when_its_reply_is_settled(turns: Turns) -> None:
    first, second = OnItsWay(), OnItsWay()
    turns.positions.took(ZERO, 7, first)
    turns.positions.took(ZERO, 8, None)
    turns.positions.took(ZERO, 9, second)
    assert turns.turn() == [{ZERO: 7}]
    turns.group.answer()
    second.settled = True
    assert turns.turn() == []
    first.settled = True
    assert turns.turn() == [{ZERO: 10}]


def test_what_is_read_again_is_answered_again_before_it_is_committed(turns: Turns) -> None:
    turns.positions.took(ZERO, 50, OnItsWay())
    turns.positions.took(ZERO, 45, OnItsWay())  # the partition went away and came back
    assert turns.turn() == [{ZERO: 45}]


def test_of_a_topic_that_was_made_again_no_position_beyond_its_end_is_committed(
    turns: Turns,
) -> None:
    turns.positions.took(ZERO, 50, OnItsWay())
    turns.positions.took(ZERO, 0, OnItsWay(settled=True))
    assert turns.turn() == [{ZERO: 1}]


def test_a_partition_whose_reply_is_late_holds_up_no_other(turns: Turns) -> None:
    turns.positions.begin(ONE, 0)
    turns.positions.took(ZERO, 7, OnItsWay())
    turns.positions.took(ONE, 0, None)
    assert turns.turn() == [{ZERO: 7, ONE: 1}]


def test_what_is_settled_is_not_kept(turns: Turns) -> None:
    late = OnItsWay()
    turns.positions.took(ZERO, 7, late)
    for offset in range(8, 1000):
        turns.positions.took(ZERO, offset, OnItsWay(settled=True))
    turns.turn()
    assert turns.positions._of[ZERO].unsettled == [(7, late)]


def test_a_partition_that_is_not_ours_any_more_is_forgotten(turns: Turns) -> None:
    assert turns.turn() == [{ZERO: 7}]
    turns.positions.keep({ONE})
    turns.group.answer(CommitFailedError())  # of then
    assert turns.turn() == []
    assert turns.positions.begun == set()


def test_events_sent_on_count_until_their_position_is_acknowledged(turns: Turns) -> None:
    late = OnItsWay()
    for offset in range(7, 10):
        turns.positions.took(ZERO, offset, OnItsWay(settled=offset < 9), forwarded=True)
    turns.positions.took(ZERO, 10, late, forwarded=True)
    assert turns.positions.forwarded(ZERO) == 4
    assert turns.turn() == [{ZERO: 9}]
    assert turns.positions.forwarded(ZERO) == 4
    turns.group.answer()
    assert turns.positions.forwarded(ZERO) == 2


def test_who_is_in_a_hurry_does_not_wait_for_the_next_second(turns: Turns) -> None:
    turns.turn()
    turns.group.answer()
    turns.positions.took(ZERO, 7, None)
    assert turns.turn(0) == []
    turns.positions.hurry()
    assert turns.turn(0) == [{ZERO: 8}]


def test_at_the_end_all_is_committed_and_waited_for(turns: Turns) -> None:
    turns.turn()  # and not answered
    turns.positions.took(ZERO, 7, None)
    turns.positions.commit_last()
    assert turns.group.asked[-1] == {ZERO: 8}
    assert turns.positions.begun == set()


def test_at_the_end_only_the_loss_of_our_place_is_a_fault(turns: Turns) -> None:
    turns.group.fault = KafkaTimeoutError()
    turns.positions.commit_last()
    again: Any = Turns()
    again.group.fault = FencedInstanceIdError()
    with pytest.raises(FencedInstanceIdError):
        again.positions.commit_last()
