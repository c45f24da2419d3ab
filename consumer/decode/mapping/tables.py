"""The model file's tables ``[event]`` and ``[label]``: ids, and labels that come later."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Literal

from consumer.decode.mapping.paths import condition, path

MAX_LIMIT = 100_000_000
LIMIT = 1_000_000
"""How many events may wait for their labels, if the model file does not say."""

LONGEST_MS = 366 * 86_400_000

_UNITS_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"(\d{1,9})([smhd])", re.ASCII)

EVENT_KEYS = {"id": str, "repeats": Literal["drop"], "within": str, "limit": int}
LABEL_KEYS = {"where": str, "id": str, "value": str, "within": str, "absent": float}


@dataclass(frozen=True, slots=True)
class EventTable:
    """What tells one event from another.

    Attributes:
        id: Where its id stands.
        repeats: What becomes of an event that comes again: it is dropped.
        within_ms: How long it is recognised, in the partition's record time; None: as long as
            labels may take.
        limit: How many events may wait for their labels; then the oldest waits no more.
    """

    id: str
    repeats: Literal["drop"] | None = None
    within_ms: int | None = None
    limit: int = LIMIT


@dataclass(frozen=True, slots=True)
class LabelTable:
    """How an event's label comes in a record of its own.

    Attributes:
        where: Which records are labels.
        id: Where the id of a label's event stands.
        value: Where the target stands.
        within_ms: How long an event waits, in the partition's record time.
        absent: The target of an event whose label never came; None: it is unlabelled.
    """

    where: str
    id: str
    value: str
    within_ms: int
    absent: float | None = None


@dataclass(frozen=True, slots=True)
class Tables:
    """Both tables; a model of events without ids has neither.

    Attributes:
        event: How events are told apart.
        label: How labels come; None: with their events alone.
    """

    event: EventTable | None = None
    label: LabelTable | None = None

    def named(self) -> dict[str, object]:
        """What they say, by table and key."""
        tables = {"event": self.event, "label": self.label}
        return {
            f"{name}.{key}": value
            for name, table in tables.items()
            if table is not None
            for key, value in asdict(table).items()
        }

    @property
    def window_ms(self) -> int:
        """How long an event's id is taken."""
        windows = (it.within_ms or 0 for it in (self.event, self.label) if it is not None)
        return max(windows, default=0)

    @property
    def memory_ms(self) -> int:
        """How long an id is remembered: late labels are told from orphans for as long again."""
        return max(self.window_ms, 0 if self.label is None else 2 * self.label.within_ms)


NO_TABLES = Tables()


def read_tables(
    event: Mapping[str, Any] | None, label: Mapping[str, Any] | None, faults: list[str]
) -> Tables:
    """The tables of a model file, whose values have the types of their keys.

    Args:
        event: The table ``[event]``; None: there is none.
        label: The table ``[label]``.
        faults: Gets a line for each fault, with its key.
    """
    before = len(faults)
    if event is None:
        if label is not None:
            faults.append("event.id: is missing; a label finds its event by it")
    else:
        _check_event(event, faults, has_label=label is not None)
    if label is not None:
        _check_label(label, faults)
    if len(faults) > before or event is None:
        return NO_TABLES
    within = _milliseconds(event["within"]) if "within" in event else None
    made = EventTable(event["id"], event.get("repeats"), within, event.get("limit", LIMIT))
    if label is None:
        return Tables(made)
    within = _milliseconds(label["within"]) or 0
    given = {key: label[key] for key in ("where", "id", "value")}
    return Tables(made, LabelTable(**given, within_ms=within, absent=label.get("absent")))


def _check_event(table: Mapping[str, Any], faults: list[str], *, has_label: bool) -> None:
    if "id" not in table:
        faults.append("event.id: is missing; it is the path of an event's id")
    _check_paths("event.", table, ("id",), faults)
    if "repeats" not in table and not has_label:
        faults.append("event.repeats: is missing; an id serves repeats = 'drop', or [label]")
    if "within" in table and "repeats" not in table:
        faults.append("event.within: is for repeats = 'drop'")
    _check_within("event.", table, faults, required="repeats" in table and not has_label)
    if not 1 <= table.get("limit", LIMIT) <= MAX_LIMIT:
        faults.append(f"event.limit: must be a number from 1 to {MAX_LIMIT}")
    if "limit" in table and not has_label:
        faults.append("event.limit: is for [label]: how many events may wait")


def _check_label(table: Mapping[str, Any], faults: list[str]) -> None:
    for key, meaning in (
        ("where", "tells which records are labels"),
        ("id", "is the path of the id of a label's event"),
        ("value", "is the path of the target"),
    ):
        if key not in table:
            faults.append(f"label.{key}: is missing; it {meaning}")
    _check_paths("label.", table, ("id", "value"), faults)
    if "where" in table:
        _checked("label.where", partial(condition, table["where"]), faults)
    _check_within("label.", table, faults, required=True)


def _check_paths(
    where: str, table: Mapping[str, Any], keys: tuple[str, ...], faults: list[str]
) -> None:
    for key in keys:
        if key in table:
            _checked(where + key, partial(path, table[key]), faults)


def _checked(key: str, made: partial[Any], faults: list[str]) -> None:
    try:
        made()
    except ValueError as error:
        faults.append(f"{key}: {error}")


def _check_within(
    where: str, table: Mapping[str, Any], faults: list[str], *, required: bool
) -> None:
    if "within" not in table:
        if required:
            faults.append(f"{where}within: is missing; it looks like '24h'")
    elif _milliseconds(table["within"]) is None:
        faults.append(f"{where}within: expected a duration such as '90s', '24h' or '7d'")


def _milliseconds(text: str) -> int | None:
    """What a duration lasts; None if it is not one, or is too long."""
    found = _DURATION.fullmatch(text)
    lasts = 0 if found is None else int(found[1]) * _UNITS_MS[found[2]]
    return lasts if 0 < lasts <= LONGEST_MS else None
