"""What an event's value counts as: a number, the place of a level, or a reason for refusal. Total.

A value that is null, absent or an empty text is missing, and is not read here.
"""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime

from consumer.decode.event import EPOCH_UNITS, Rejected, beyond, describe_kind
from consumer.decode.formula import echo
from consumer.decode.mapping.fields import Field
from contract.messages import VALUE_LIMIT, Reason

Read = Callable[[object], float | Rejected]
Note = Callable[[tuple[str, str]], None]
"""Is told of a text that is not a level, with its field."""

PLAIN = "; text is a number without units, separators and signs of currencies: 12.50 for $12.50"

DAY = 86_400.0
MAX_TEXT = 64
"""The longest text that is read as a number or a time."""

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def reader(field: Field, note: Note, *, text: bool) -> Read:
    """What reads a field's values.

    Args:
        field: As the model file has it.
        note: Is told of texts that are not levels.
        text: Whether a number in text counts, as it does in a header.
    """
    match field.type:
        case "category":
            return _category(field, note)
        case "boolean":
            return _boolean(field, text=text)
        case "time":
            return _time(field, text=text)
    return _number(field, text=text)


def by_name(field: Field, read: Read) -> Read:
    """As ``read``, where a question names the field: of a time a number is the part itself."""
    if field.type != "time":
        return read
    number = _number(field, text=False)
    return lambda value: number(value) if type(value) in (int, float) else read(value)


def _number(field: Field, *, text: bool) -> Read:
    name, low, high = field.name, field.low, field.high
    hint = "" if text else "; text = true reads numbers in text"

    def read(value: object) -> float | Rejected:
        if text and type(value) is str and _is_number(value):
            value = float(value)
        if type(value) is not float and type(value) is not int:
            hinted = "" if type(value) is not str else hint if _is_number(value) else PLAIN
            return Rejected(
                Reason.NOT_A_NUMBER,
                f"{name}: expected a number, got {describe_kind(value)}{hinted}",
            )
        if low <= value <= high:
            return float(value)
        if -VALUE_LIMIT <= value <= VALUE_LIMIT:
            return Rejected(
                Reason.OUT_OF_RANGE, f"{name} is outside its range, {low:.15g} to {high:.15g}"
            )
        return Rejected(Reason.OUT_OF_RANGE, f"{name} {beyond(value)}")

    return read


def _category(field: Field, note: Note) -> Read:
    places = {level: float(place) for place, level in enumerate(field.coded_levels)}
    name, other = field.name, places.get(field.other) if field.other is not None else None

    def read(value: object) -> float | Rejected:
        if type(value) is not str:
            if type(value) is bool:
                value = "true" if value else "false"
            elif type(value) is int or (type(value) is float and value.is_integer()):
                value = str(int(value))
            else:
                return Rejected(
                    Reason.NOT_A_LEVEL, f"{name}: expected a text, got {describe_kind(value)}"
                )
        place = places.get(value)
        if place is not None:
            return place
        note((name, value))
        if other is None:
            return Rejected(
                Reason.NOT_A_LEVEL,
                f"{name}: {echo(value)} is not one of its levels; other = '...' would count it",
            )
        return other

    return read


def _boolean(field: Field, *, text: bool) -> Read:
    words: dict[object, float] = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0} if text else {}

    def read(value: object) -> float | Rejected:
        if type(value) is bool:
            return float(value)
        if type(value) is str and value.lower() in words:
            return words[value.lower()]
        return Rejected(
            Reason.NOT_A_BOOLEAN,
            f"{field.name}: expected true or false, got {describe_kind(value)}",
        )

    return read


def _time(field: Field, *, text: bool) -> Read:
    """Seconds since the epoch of a text in ISO 8601 or a number in ``unit``, and the part of it."""
    scale, part = EPOCH_UNITS.get(field.unit or ""), _part(field)
    expected = "a time in ISO 8601" if scale is None else f"a time in {field.unit} since 1970"
    hint = "; unit = 's', 'ms' or 'us' reads a number" if scale is None else ""

    def read(value: object) -> float | Rejected:
        seconds = None
        if scale is not None and text and type(value) is str and _is_number(value):
            value = float(value)
        if type(value) is str and len(value) <= MAX_TEXT:
            seconds = _iso_seconds(value)
        elif scale is not None and (type(value) is int or type(value) is float):
            seconds = float(value) * scale if abs(value) < 1e18 else None  # noqa: PLR2004
        if seconds is None or not abs(seconds) <= VALUE_LIMIT:
            return Rejected(
                Reason.NOT_A_TIME,
                f"{field.name}: expected {expected}, got {describe_kind(value)}{hint}",
            )
        number = part(seconds)
        if not field.low <= number <= field.high:
            return Rejected(
                Reason.OUT_OF_RANGE,
                f"{field.name} is outside its range, {field.low:.15g} to {field.high:.15g}",
            )
        return number

    return read


def _part(field: Field) -> Callable[[float], float]:
    origin = 0.0 if field.origin is None else _iso_seconds(field.origin) or 0.0
    match field.part:
        case "hour":
            return lambda seconds: float(seconds % DAY // 3600)
        case "weekday":  # Monday is 0; 1970 began on a Thursday
            return lambda seconds: float((seconds // DAY + 3) % 7)
        case "days":
            return lambda seconds: (seconds - origin) / DAY
    return lambda seconds: seconds - origin


def iso_is_valid(text: str) -> bool:
    """Whether the text is a time in ISO 8601."""
    return _iso_seconds(text) is not None


def _iso_seconds(text: str) -> float | None:
    """Seconds since the epoch; without an offset it is taken as UTC."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _is_number(text: str) -> bool:
    return len(text) <= MAX_TEXT and bool(_NUMBER.fullmatch(text)) and math.isfinite(float(text))
