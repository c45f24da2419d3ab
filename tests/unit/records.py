"""Records, partitions and models of the tests, made of values alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson

from consumer.formula import parse_formula
from consumer.model import Model
from consumer.partition import Partition, Recipe

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


def recipe(formula: str = "sales ~ tv", learner: str = "bayesian") -> Recipe:
    """A recipe over FIELDS."""
    return Recipe(FIELDS, parse_formula(formula, FIELDS), learner)


def folded(values: Iterable[bytes | None], made: Recipe | None = None) -> Partition:
    """A partition that has folded these values."""
    partition = Partition(made or recipe())
    partition.fold(records(values))
    return partition


def model(
    rows: Iterable[Sequence[float]], made: Recipe | None = None, partitions: int = 1
) -> Model:
    """The model of rows of FIELDS, dealt to the partitions in turn."""
    values = [event(row) for row in rows]
    made = made or recipe()
    parts = {number: folded(values[number::partitions], made) for number in range(partitions)}
    return Model(made, {number: part.view() for number, part in parts.items()})


def bits(partition: Partition) -> bytes:
    """What a partition has learned: equal exactly where every number has the same bits."""
    state = partition.to_state()
    return orjson.dumps([state["errors"], state["estimator"], state["statistics"]])
