"""Records, partitions and models of the tests, made of values alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson

from consumer.decode.formula import parse_formula
from consumer.model.merged import Model
from consumer.model.partition import Partition
from consumer.model.replay import SavedHistory
from consumer.model.spec import ModelSpec

FIELDS = ("tv", "radio", "newspaper", "sales")


@dataclass(frozen=True, slots=True)
class Record:
    """A record as the fold reads it."""

    offset: int
    value: bytes | None
    timestamp: int = 0
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes | None]] = ()


def records(values: Iterable[bytes | None]) -> list[Record]:
    """The values one after another, from offset 0 on."""
    return [Record(offset, value) for offset, value in enumerate(values)]


def event(row: Sequence[float]) -> bytes:
    """The event of a row of FIELDS."""
    return orjson.dumps(dict(zip(FIELDS, row, strict=True)))


def spec(formula: str = "sales ~ tv", learner: str = "bayesian") -> ModelSpec:
    """A spec over FIELDS."""
    return ModelSpec(FIELDS, parse_formula(formula, FIELDS), learner)


def folded(values: Iterable[bytes | None], made: ModelSpec | None = None) -> Partition:
    """A partition that has folded these values."""
    partition = Partition(made or spec())
    partition.fold(records(values))
    return partition


def restored(partition: Partition) -> Partition:
    """The partition as its two parts give it back, after a journey through JSON."""
    made = partition.spec
    sketches = partition.saved_history().sketches(partition.spec.fields)
    regression, history = orjson.loads(
        orjson.dumps([partition.to_state(), partition.history_state()])
    )
    again = Partition.from_state(made, regression)
    again.take_up(SavedHistory.from_state(made.columns, history, sketches))
    return again


def model(
    rows: Iterable[Sequence[float]], made: ModelSpec | None = None, partitions: int = 1
) -> Model:
    """The model of rows of FIELDS, dealt to the partitions in turn."""
    values = [event(row) for row in rows]
    made = made or spec()
    parts = {number: folded(values[number::partitions], made) for number in range(partitions)}
    return Model(made, {number: part.view() for number, part in parts.items()})


def bits(partition: Partition) -> bytes:
    """What a partition has learned: equal exactly where every number has the same bits."""
    state = partition.to_state()
    history = partition.statistics.history_state()
    return orjson.dumps([state["errors"], state["estimator"], state["statistics"], history])
