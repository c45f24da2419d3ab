"""Each event without a target becomes a prediction that says which event it is of."""

from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest

from consumer.client import Precedence
from consumer.decode.mapping import read_model
from consumer.learn.outbox import Outbox, Outboxes
from consumer.learn.predictions import MAX_ID, Predictions
from consumer.model import Model, ModelSpec, Partition, Served
from consumer.telemetry import Telemetry
from contract.messages import Outcome
from unit.late import late_spec, messy_log
from unit.records import Record, event, folded, model, spec
from unit.respond.test_replies import MemoryProducer

TOPIC = "predictions"
ROWS = [(float(i), float(i % 7), float(i % 3), 7 + 0.5 * i + i % 2) for i in range(40)]
UNLABELLED = b'{"tv": 50, "radio": 1, "newspaper": 2}'


class World:
    """Predictions on their way to a topic in memory."""

    def __init__(self) -> None:
        self.producer = MemoryProducer({TOPIC: {0}}, limit=10_000)
        self.telemetry = Telemetry(Served(spec()), {"version": "test"})
        self.out = Predictions(
            self.producer, TOPIC, 1_000_000, "riverline", self.telemetry, Precedence()
        )

    def said(self, record: Record, learned: Model) -> dict[str, Any]:
        self.out.send("events", 3, [record], learned)
        said: dict[str, Any] = orjson.loads(self.producer.sent[-1].value or b"")
        return said

    def counted(self, outcome: str) -> float | None:
        labels = {"outcome": outcome}
        return self.telemetry.registry.get_sample_value("riverline_predictions_total", labels)


@pytest.fixture
def world() -> World:
    return World()


def test_a_prediction_says_what_a_question_would_be_told_and_where_the_event_is(
    world: World,
) -> None:
    said = world.said(Record(7, UNLABELLED, 1_780_000_000_000, b"key"), model(ROWS))
    assert said["prediction"] == pytest.approx(7 + 0.5 * 50 + 0.5, abs=0.5)
    assert said["interval"]["low"] < said["prediction"] < said["interval"]["high"]
    assert said["positions"] == {"0": 40}
    source = {"topic": "events", "partition": 3, "offset": 7, "timestamp": 1_780_000_000_000}
    assert (said["source"], said["application"]) == (source, "riverline")
    assert "id" not in said
    assert world.producer.sent[0].key == b"key"
    assert world.counted("predicted") == 1


@pytest.mark.parametrize(
    ("headers", "members", "found"),
    [
        ([("ce_id", b"c-1")], {"messageId": "m"}, "c-1"),
        ([("messageId", b"h")], {}, "h"),
        ([], {"messageId": "m", "id": "i"}, "m"),
        ([], {"id": 7}, "7"),
        ([], {"id": True}, None),
        ([], {"id": ""}, None),
        ([("ce_id", b"")], {"id": {"a": 1}}, None),
        ([("ce_id", None)], {"id": "x" * (MAX_ID + 1)}, None),
        ([("ce_id", b"\xff")], {}, "\ufffd"),
    ],
)
def test_an_event_that_names_itself_is_named(
    world: World, headers: list[tuple[str, bytes | None]], members: dict[str, Any], found: object
) -> None:
    value = orjson.dumps({"tv": 1, "radio": 1, "newspaper": 2, **members})
    said = world.said(Record(0, value, headers=headers), model(ROWS))
    assert said.get("id") == found


def test_where_nothing_is_learned_yet_the_error_says_so(world: World) -> None:
    said = world.said(Record(0, UNLABELLED), Model(spec(), {}))
    assert said["error"]["code"] == "too-few-events"
    assert said["source"]["offset"] == 0
    assert world.counted("refused") == 1


def test_an_event_of_a_model_file_is_read_by_it(world: World) -> None:
    file = read_model('formula = "y ~ x"\n[fields.x]\npath = "a.x"\n[fields.y]\npath = "a.y"\n')
    made = ModelSpec.of_file(file, "bayesian")
    rows = [{"a": {"x": x, "y": 2 * x + x % 2}} for x in range(20)]
    learned = Model(made, {0: folded(map(orjson.dumps, rows), made).view()})
    said = world.said(Record(20, b'{"a": {"x": 10}}'), learned)
    assert said["prediction"] == pytest.approx(20.5, abs=0.5)


def test_the_fold_names_the_records_without_a_target() -> None:
    partition = folded([event(ROWS[0])])
    result = partition.fold([Record(1, UNLABELLED), Record(2, event(ROWS[1])), Record(3, b"no")])
    assert [it.offset for it in result.to_predict] == [1]


def test_several_outboxes_are_settled_when_each_is() -> None:
    tried: list[bool] = []

    def box(*, settled: bool, full: bool) -> Outbox:
        def settle(_seconds: float) -> bool:
            tried.append(settled)
            return settled

        return cast("Outbox", SimpleNamespace(settle=settle, full=full))

    both = Outboxes(box(settled=False, full=False), box(settled=True, full=True))
    assert not both.settle(0.0)
    assert tried == [False, True]  # one that waits keeps the other from nothing
    assert both.full
    assert Outboxes(box(settled=True, full=False)).settle(0.0)


def test_the_id_is_that_of_the_model_file_and_an_event_that_waits_is_predicted(
    world: World,
) -> None:
    made = late_spec()
    partition = Partition(made)
    log = messy_log(1, 400, 60)
    waited = [it for it in log if partition.fold([it]).to_predict]
    assert waited
    assert partition.by_id is not None
    matched, waits = partition.counts[Outcome.MATCHED], partition.counts[Outcome.WAITING]
    assert len(waited) == matched + waits + partition.by_id.view().expiries.expired
    said = world.said(waited[-1], Model(made, {0: partition.view()}))
    assert said["id"] == str(orjson.loads(waited[-1].value or b"")["p"]["id"])
    assert "prediction" in said
