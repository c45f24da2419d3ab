"""Logs of events with ids, their labels, repeats and faults, made of values alone."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from consumer.decode.mapping import read_model
from consumer.model.spec import ModelSpec
from contract.messages import Outcome, Reason
from unit.records import Record

MODEL = """
formula = "y ~ a + b"
where = "kind == 'shown'"
[event]
id = "p.id"
repeats = "drop"
limit = {limit}
[label]
where = "kind == 'bought'"
id = "p.of"
value = "p.y"
within = "{within}"
{absent}
[fields.y]
{path}
range = [-1e6, 1e6]
[fields.a]
path = "p.a"
[fields.b]
path = "p.b"
"""


def late_spec(
    *,
    within: str = "60s",
    absent: float | None = None,
    limit: int = 1_000_000,
    path: str | None = None,
    learner: str = "bayesian",
) -> ModelSpec:
    """The spec of MODEL."""
    text = late_model(within=within, absent=absent, limit=limit, path=path)
    return ModelSpec.of_file(read_model(text), learner)


def late_model(
    *,
    within: str = "60s",
    absent: float | None = None,
    limit: int = 1_000_000,
    path: str | None = None,
) -> str:
    """The text of MODEL."""
    return MODEL.format(
        within=within,
        limit=limit,
        absent="" if absent is None else f"absent = {absent}",
        path="" if path is None else f'path = "{path}"',
    )


def shown(id_: object, a: object, b: object) -> bytes:
    """An event without its label."""
    return orjson.dumps({"kind": "shown", "p": {"id": id_, "a": a, "b": b}})


def bought(of: object, y: object) -> bytes:
    """The label of an event."""
    return orjson.dumps({"kind": "bought", "p": {"of": of, "y": y}})


ODD = (
    b"x",
    b'{"kind": "other"}',
    shown(id_=True, a=1, b=2),
    shown("odd", 1, "x"),
    bought(1.5, 1),
    bought("odd", "y"),
    bought("odd", None),
)
"""Records that are skipped, or refused whatever came before."""


def log(values: Sequence[tuple[int, bytes]]) -> list[Record]:
    """The values one after another, each with its second."""
    return [Record(n, value, 1000 * second) for n, (second, value) in enumerate(values)]


def messy_log(seed: int, events: int, within_s: int, *, sure: bool = False) -> list[Record]:
    """Events with their labels shuffled, repeats, orphans, conflicts, faults, others.

    Args:
        seed: Of the chance.
        events: How many different ones.
        within_s: How long labels may take, in seconds: some take longer.
        sure: Whether every event gets its label in time.
    """
    chance = random.Random(seed)  # noqa: S311 - repeatable
    due: list[tuple[float, bytes]] = []
    now = 0.0
    for number in range(events):
        now += chance.choice([0.0, 0.1, 1.0, 3.0])
        a, b = round(chance.gauss(0, 3), 3), round(chance.gauss(5, 1), 3)
        y = round(2 + 3 * a - b + chance.gauss(0, 1), 3)
        event = shown(number if chance.random() < 0.5 else f"id-{number}", a, b)
        name: object = orjson.loads(event)["p"]["id"]
        due.append((now, event))
        if sure or chance.random() < 0.85:
            late = 0.0 if sure or chance.random() < 0.9 else 1.5 * within_s
            due.append((now + chance.random() * within_s * 0.9 + late, bought(name, y)))
            if chance.random() < 0.05:
                due.append((now + chance.random() * 2.5 * within_s, bought(name, y)))
            if chance.random() < 0.03:
                due.append((now + within_s * (1 + chance.random()), bought(name, y + 1)))
        if chance.random() < 0.05:
            due.append((now + chance.random() * 2.5 * within_s, event))
        if chance.random() < 0.03:
            due.append((now + chance.random() * 0.9 * within_s, shown(name, a + 1, b)))
        if chance.random() < 0.03:
            due.append((now, bought(f"nobody-{number}", 1.0)))
        if chance.random() < 0.03:
            due.append((now, chance.choice(ODD)))
    due.sort(key=lambda it: it[0])
    return [
        # Timestamps go back a little now and then.
        Record(n + n // 7, value, int(1000 * (at - chance.choice([0, 0, 0, 0.7]))))
        for n, (at, value) in enumerate(due)
    ]


@dataclass
class Offline:
    """A plain pass over a log, with dictionaries and without bounds.

    Attributes:
        rows: The labelled rows [y, a, b], in the order in which they are learned.
        places: Of each the offsets of its event and of the record that it is learned at.
        outcomes: How many records had each outcome.
        reasons: How many were refused for each reason.
    """

    within_ms: int
    absent: float | None = None
    limit: int = 1_000_000
    rows: list[tuple[float, ...]] = field(default_factory=list)
    places: list[tuple[int, int]] = field(default_factory=list)
    outcomes: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    reasons: dict[Reason, int] = field(default_factory=dict)
    expired: int = 0
    by_absence: int = 0
    _now: int = 0
    _waiting: dict[str, tuple[int, int, float, float]] = field(default_factory=dict)
    _known: dict[str, tuple[int, tuple[float, float]]] = field(default_factory=dict)
    _labels: dict[str, float | None] = field(default_factory=dict)

    def read(self, records: Sequence[Record]) -> "Offline":
        """Pass over a log."""
        for record in records:
            self._now = max(self._now, record.timestamp)
            self._expire(record.offset)
            try:
                document = orjson.loads(record.value or b"")
            except orjson.JSONDecodeError:
                self._end(Reason.BAD_JSON)
                continue
            match document["kind"]:
                case "shown":
                    self._end(self._event(document["p"], record.offset))
                case "bought":
                    self._end(self._label(document["p"], record.offset))
                case _:
                    self._end(Outcome.SKIPPED)
        self.outcomes[Outcome.WAITING] = len(self._waiting)
        return self

    def _expire(self, at: int) -> None:
        for id_, (since, offset, *row) in list(self._waiting.items()):
            if self._now > since + self.within_ms or len(self._waiting) > self.limit:
                del self._waiting[id_]
                self._labels[id_] = None
                self.expired += 1
                if self.absent is None:
                    self._end(Outcome.UNLABELLED)
                else:
                    self.by_absence += 1
                    self._learn((self.absent, *row), offset, at)

    def _event(self, p: Any, offset: int) -> Outcome | Reason:  # noqa: ANN401 - JSON
        if not all(type(p[name]) in (int, float) for name in ("a", "b")):
            return Reason.NOT_A_NUMBER
        if type(p["id"]) not in (int, str):
            return Reason.BAD_ID
        id_, row = str(p["id"]), (float(p["a"]), float(p["b"]))
        if id_ in self._known and self._now - self._known[id_][0] <= self.within_ms:
            same = self._known[id_][1] == row
            return Outcome.REPEATED if same else Reason.CONFLICTING_EVENT
        self._known[id_] = self._now, row
        self._waiting[id_] = self._now, offset, *row
        return Outcome.WAITING

    def _label(self, p: Any, at: int) -> Outcome | Reason:  # noqa: ANN401 - JSON
        if type(p["y"]) not in (int, float):
            return Reason.MISSING_FIELD if p["y"] is None else Reason.NOT_A_NUMBER
        if type(p["of"]) not in (int, str):
            return Reason.BAD_ID
        id_, y = str(p["of"]), float(p["y"])
        if id_ in self._waiting:
            _, offset, *row = self._waiting.pop(id_)
            self._labels[id_] = y
            self._learn((y, *row), offset, at)
            return Outcome.MATCHED
        if id_ not in self._known or self._now - self._known[id_][0] > 2 * self.within_ms:
            return Reason.ORPHAN_LABEL
        if self._labels[id_] is None:
            return Reason.LATE_LABEL
        return Outcome.REPEATED if self._labels[id_] == y else Reason.CONFLICTING_LABEL

    def _learn(self, row: tuple[float, ...], offset: int, at: int) -> None:
        self.rows.append(row)
        self.places.append((offset, at))
        self._end(Outcome.LEARNED)

    def _end(self, what: Outcome | Reason) -> None:
        if isinstance(what, Reason):
            self.reasons[what] = self.reasons.get(what, 0) + 1
            what = Outcome.REFUSED
        self.outcomes[what] += 1
