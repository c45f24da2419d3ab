"""What the learner's loop does between its beats."""

from collections.abc import Sequence
from typing import Any, cast

import pytest
from kafka import TopicPartition
from kafka.errors import KafkaTimeoutError

from consumer.client.permissions import Permissions
from consumer.client.precedence import Precedence
from consumer.client.protocols import NO_LEADER, Consumer
from consumer.context import Context
from consumer.learn import loop as learner
from consumer.learn import owned
from consumer.learn.dead_letters import DeadLetters
from consumer.learn.demand import Demand
from consumer.learn.loop import Learner
from consumer.learn.outbox import Outboxes
from consumer.learn.owned import OwnedPartitions
from consumer.model.partition import Partition
from consumer.model.served import Served
from consumer.respond.acknowledgements import Acknowledgements
from consumer.settings import Settings
from consumer.state.changelog import Changelog
from consumer.telemetry.health import MAX_SILENCE_SECONDS, Health, silent_loops
from consumer.telemetry.metrics import Telemetry
from unit.records import Record, event, spec

PARTITIONS = 5
EVENT = event((1.0, 2.0, 3.0, 4.0))


class Clock:
    """A monotonic clock that only moves when it is told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(owned, "monotonic", clock)
    return clock


class Group:
    """A consumer that has just been given all partitions."""

    def __init__(self) -> None:
        self.paused: set[int] = set()

    def assignment(self) -> set[TopicPartition]:
        return {TopicPartition("mobile-events", number) for number in range(PARTITIONS)}

    def seek(self, _at: TopicPartition, _offset: int) -> None: ...

    def pause(self, at: TopicPartition) -> None:
        self.paused.add(at.partition)


class SlowLog:
    """A changelog that is waited for, at each call, for most of what a loop may be silent."""

    def __init__(self, clock: Clock, health: Health) -> None:
        self._clock, self._health = clock, health
        self.silent: list[str] = []
        self.tried: list[int] = []

    def expect(self, numbers: object) -> None:
        assert numbers

    def restore(
        self, _consumer: object, places: Sequence[TopicPartition], _patience: float
    ) -> None:
        self.tried += [at.partition for at in places]
        self._clock.now += MAX_SILENCE_SECONDS * 0.9
        self.silent += silent_loops(self._health.beats, now=self._clock.now)
        raise KafkaTimeoutError


def context(health: Health) -> Context:
    served = Served(spec())
    return Context(
        Settings(),
        served,
        Telemetry(served, {"version": "test"}),
        health,
        Precedence(),
        Permissions(Settings(), health.faults),
    )


def test_a_long_restore_of_many_partitions_holds_up_nothing_and_is_no_silence(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owned, "joined", lambda _: True)
    monkeypatch.setattr(owned, "leader_of", lambda _, at: at.partition)
    group = Group()
    health = Health()
    health.beat("learner", now=clock.now)
    log = SlowLog(clock, health)
    ours = OwnedPartitions(
        context(health), cast("Consumer", group), cast("Outboxes", None), cast("Changelog", log)
    )
    for turn in range(1, PARTITIONS + 1):
        health.beat("learner", now=clock.now)
        assert ours.follow_group() == set()
        assert log.tried == list(range(turn))  # those of one leader a turn, each in its turn
    assert log.silent == []
    assert group.paused == health.unrestored == set(range(PARTITIONS))


def test_partitions_of_one_leader_are_restored_together(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owned, "joined", lambda _: True)
    monkeypatch.setattr(owned, "leader_of", lambda *_: 1)
    health = Health()
    log = SlowLog(clock, health)
    ours = OwnedPartitions(
        context(health),
        cast("Consumer", Group()),
        cast("Outboxes", None),
        cast("Changelog", log),
    )
    began = clock.now
    assert ours.follow_group() == set()
    assert log.tried == list(range(PARTITIONS))
    assert clock.now - began < MAX_SILENCE_SECONDS


def test_a_partition_without_a_leader_is_not_waited_for(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owned, "joined", lambda _: True)
    monkeypatch.setattr(owned, "leader_of", lambda _, at: NO_LEADER if at.partition != 3 else 1)
    health = Health()
    log = SlowLog(clock, health)
    ours = OwnedPartitions(
        context(health),
        cast("Consumer", Group()),
        cast("Outboxes", None),
        cast("Changelog", log),
    )
    assert ours.follow_group() == set()
    assert log.tried == [3]


class Folding:
    """A partition whose folding takes a second of the clock."""

    def __init__(self, clock: Any, real: Any) -> None:  # noqa: ANN401
        self._clock, self._real = clock, real

    def fold(self, records: Sequence[Record]) -> object:
        found = list(records)
        self._clock.now += 1.0
        return self._real.fold(found)

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)


class Waiting(Precedence):
    """Answers take ten seconds of the clock."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def after_answers(self, records: Any) -> Any:  # noqa: ANN401
        self._clock.now += 10.0
        self.waited += 10.0
        return iter(records)


def test_only_folding_counts_as_learning(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learner, "perf_counter", clock)
    served = Served(spec())
    telemetry = Telemetry(served, {"version": "test"})
    health = Health()
    rooms = Context(
        Settings(),
        served,
        telemetry,
        health,
        Waiting(clock),
        Permissions(Settings(), health.faults),
    )

    class Letters:
        def send(self, *_: object) -> None: ...

    loop = Learner(
        rooms,
        cast("Consumer", Group()),
        cast("DeadLetters", Letters()),
        cast("Acknowledgements", None),
        cast("Changelog", None),
        cast("Demand", None),
    )
    loop._owned._partitions[0] = cast("Partition", Folding(clock, Partition(spec())))
    loop._fold(0, [Record(0, EVENT)])
    assert telemetry.registry.get_sample_value("riverline_learn_seconds_sum") == 1.0
