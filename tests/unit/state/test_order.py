"""What is saved first after a change of the model file: twice changed, a history still reads on."""

from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from kafka import TopicPartition

from consumer.client import offsets
from consumer.client.permissions import Permissions
from consumer.client.precedence import Precedence
from consumer.context import Context
from consumer.model import ModelSpec, Partition
from consumer.model.served import Served
from consumer.settings import Settings
from consumer.state.changelog import Changelog
from consumer.state.memory import Memory
from consumer.telemetry.health import Health
from consumer.telemetry.metrics import Telemetry
from unit.model.test_gaps import MODEL, data
from unit.records import Record
from unit.state.test_change import CITY, events, saved, spec

AT = TopicPartition("mobile-events", 0)


class Kept:
    """A producer whose records are kept, and acknowledged at once."""

    is_done = True

    def __init__(self, documents: list[bytes]) -> None:
        self.documents = documents

    def send(self, _topic: str, *, value: bytes, **_: object) -> "Kept":
        self.documents.append(value)
        return self

    def add_callback(self, acknowledged: Callable[[object], None]) -> None:
        acknowledged(None)

    def add_errback(self, _failed: object) -> None: ...


def started(documents: list[bytes], made: ModelSpec, end: int) -> tuple[Changelog, Partition]:
    """A service's changelog and partition, from what was saved; the log has so many records."""
    settings = cast(
        "Settings", SimpleNamespace(spec=made, changelog_topic="changelog", max_reread_events=1000)
    )
    served, health = Served(made), Health()
    context = Context(
        settings,
        served,
        Telemetry(served, {"version": "test"}),
        health,
        Precedence(),
        Permissions(Settings(), health.faults),
    )
    memory = Memory(context, b"writer")
    memory.take(0, [Record(number, it) for number, it in enumerate(documents)])
    follower: Any = SimpleNamespace(
        covers=lambda _: True, latest=lambda numbers, _: {it: memory.of(it) for it in numbers}
    )
    consumer: Any = SimpleNamespace(
        beginning_offsets=lambda places, **_: dict.fromkeys(places, 0),
        end_offsets=lambda places, **_: dict.fromkeys(places, end),
    )
    producer: Any = Kept(documents)
    changelog = Changelog(
        context, producer, follower, writer=b"writer", topic_id="", cover=lambda: 1
    )
    partition, _ = changelog.restore(consumer, [AT], 0.0)[AT]
    served.own({0: partition.view()})
    return changelog, partition


def fold(changelog: Changelog, partition: Partition, records: Iterable[Record]) -> None:
    partition.fold(list(records))
    changelog._context.served.own({0: partition.view()})


@pytest.mark.parametrize("histories", [False, True], ids=["killed before the history", "saved"])
def test_a_history_reads_on_as_each_model_did_that_learned(
    monkeypatch: pytest.MonkeyPatch, *, histories: bool
) -> None:
    monkeypatch.setattr(offsets, "leader_of", lambda *_: 1)
    rows = data(520)
    rows["city"] = ["Rome", "Oslo"] * 260
    rows["hour"] = [number % 24 for number in range(520)]
    log, end = events(rows), 520
    first, second = spec(MODEL), spec(MODEL + CITY)
    third = spec(MODEL + CITY + "[fields.hour]\n")
    partition = Partition(first)
    partition.fold(log[:200])
    _, history = saved(partition)
    partition.fold(log[200:400])
    regression, _ = saved(partition)
    documents = [regression, history]

    changelog, partition = started(documents, second, end)
    fold(changelog, partition, log[200:500])
    changelog.send(0, partition)
    if histories:
        assert changelog.histories_worth_saving([(0, partition)], 10**6) == [0]
        changelog.send_history(0, partition)
        assert changelog.send(0, partition)

    changelog, partition = started(documents, third, end)
    assert partition.position == (500 if histories else 400)
    fold(changelog, partition, log[200:])
    assert partition.has_whole_history
    city, hour = (third.fields.index(name) for name in ("city", "hour"))
    found, offsets_ = partition.view().statistics.window()  # the events' times are their offsets
    assert len(found) > 300
    for row, offset in zip(found, offsets_, strict=True):
        assert np.isnan(row[city]) == (offset < 400)
        assert np.isnan(row[hour]) == (offset < (500 if histories else 400))
