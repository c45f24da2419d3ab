"""What the learner's loop does between its beats."""

import threading
from collections.abc import Sequence
from typing import Any, cast

import pytest
from kafka import TopicPartition
from kafka.errors import KafkaTimeoutError

from consumer import learner
from consumer.acknowledge import Acknowledgements
from consumer.changelog import Changelog
from consumer.client import Consumer
from consumer.deadletters import DeadLetters
from consumer.health import MAX_SILENCE_SECONDS, Health, silent_loops
from consumer.learner import Learner
from consumer.partition import Partition
from consumer.precedence import Precedence
from consumer.served import Served
from consumer.settings import Settings
from consumer.shared import Shared
from consumer.telemetry import Telemetry
from unit.records import Record, event, recipe

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
    monkeypatch.setattr(learner, "monotonic", clock)
    return clock


class Group:
    """A consumer that has just been given all partitions."""

    def assignment(self) -> set[TopicPartition]:
        return {TopicPartition("mobile-events", number) for number in range(PARTITIONS)}


class SlowLog:
    """A changelog each of whose partitions is waited for for most of what a loop may be silent."""

    def __init__(self, clock: Clock, health: Health) -> None:
        self._clock, self._health = clock, health
        self.silent: list[str] = []

    def expect(self, numbers: object) -> None:
        assert numbers

    def restore(self, *_: object) -> None:
        self._clock.now += MAX_SILENCE_SECONDS * 0.9
        self.silent += silent_loops(self._health.beats, now=self._clock.now)
        raise KafkaTimeoutError


def shared(health: Health) -> Shared:
    served = Served(recipe())
    return Shared(Settings(), served, Telemetry(served, {"version": "test"}), health, Precedence())


def test_a_long_restore_of_many_partitions_is_no_silence(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learner, "joined", lambda _: True)
    health = Health()
    health.beat("learner", now=clock.now)
    log = SlowLog(clock, health)
    loop = Learner(
        shared(health),
        cast("Consumer", Group()),
        cast("DeadLetters", None),
        cast("Acknowledgements", None),
        cast("Changelog", log),
    )
    loop._take_up_assignment(threading.Event())
    assert clock.now > 1000 + 4 * MAX_SILENCE_SECONDS
    assert log.silent == []


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
    served = Served(recipe())
    telemetry = Telemetry(served, {"version": "test"})
    rooms = Shared(Settings(), served, telemetry, Health(), Waiting(clock))

    class Letters:
        def send(self, *_: object) -> None: ...

    loop = Learner(
        rooms,
        cast("Consumer", Group()),
        cast("DeadLetters", Letters()),
        cast("Acknowledgements", None),
        cast("Changelog", None),
    )
    loop._partitions[0] = cast("Partition", Folding(clock, Partition(recipe())))
    loop._fold(0, [Record(0, EVENT)])
    assert telemetry.registry.get_sample_value("riverline_learn_seconds_sum") == 1.0
