"""Decodes an event's bytes into its row, or a reason for refusal. Total: no input raises."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import msgspec
import orjson

from consumer.decode.plain import plain_reader
from contract.messages import MAX_MESSAGE_BYTES, VALUE_LIMIT, Reason

Row = tuple[float, ...]
"""The numbers of a labelled event, in the order of ``FIELDS``: finite, at most VALUE_LIMIT."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why a value is refused.

    Attributes:
        reason: One of a closed set.
        detail: A sentence for the sender.
    """

    reason: Reason
    detail: str


class Unreadable(bytes):
    """The bytes of a whole record that the client could not unpack.

    Attributes:
        detail: Why the client could not unpack it.
    """

    detail: str

    def __new__(cls, raw: bytes, detail: str) -> Self:
        """The raw bytes of the record, and why it was not unpacked."""
        made = super().__new__(cls, raw)
        made.detail = detail
        return made


class Unlabelled:
    """An event without the target: well-formed, but nothing to learn from."""


UNLABELLED: Final = Unlabelled()


class Skipped:
    """An event that the model file's ``where`` does not ask for."""


SKIPPED: Final = Skipped()


class Identified(msgspec.Struct, frozen=True, gc=False):
    """An event that is told from others by its id; made in an eighth of a dataclass's time.

    Attributes:
        id: The id.
        row: Its numbers; the target's is NaN if its label is to come. None: it is unlabelled.
    """

    id: str
    row: Row | None


class Label(msgspec.Struct, frozen=True, gc=False):
    """The target of an event, in a record of its own.

    Attributes:
        id: The event's.
        value: The target.
    """

    id: str
    value: float


Decoded = Row | Unlabelled | Skipped | Rejected | Identified | Label


def parse_object(value: bytes | None) -> dict[str, Any] | Rejected:
    """A JSON object from untrusted bytes: size first, then JSON, then shape."""
    if value is None:
        return Rejected(Reason.NO_VALUE, "the record has no value")
    if type(value) is Unreadable:  # its bytes may be anything, JSON too
        return Rejected(Reason.UNREADABLE, value.detail)
    if len(value) > MAX_MESSAGE_BYTES:
        return Rejected(Reason.TOO_LARGE, f"{len(value)} bytes; the limit is {MAX_MESSAGE_BYTES}")
    try:
        document = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        return Rejected(Reason.BAD_JSON, f"not JSON: {error}")
    if type(document) is not dict:
        return Rejected(Reason.BAD_SHAPE, f"expected a JSON object, got {describe_kind(document)}")
    return document


def parse_number(name: str, value: object) -> float | Rejected:
    """A number of at most VALUE_LIMIT in magnitude, so that no sum of squares overflows.

    Booleans and strings are not numbers. orjson has already refused NaN and infinity.
    """
    if type(value) is not float and type(value) is not int:
        has_number = type(value) is str and _DIGIT.search(value)
        return Rejected(
            Reason.NOT_A_NUMBER,
            f"{name}: expected a number, got {describe_kind(value)}{_TEXT if has_number else ''}",
        )
    if not -VALUE_LIMIT <= value <= VALUE_LIMIT:
        return Rejected(Reason.OUT_OF_RANGE, f"{name} {beyond(value)}")
    return float(value)


def beyond(value: float) -> str:
    """That a number is beyond the limit; and of one that looks like a time, what reads it."""
    said = f"is beyond {VALUE_LIMIT:g} in magnitude"
    for unit, scale in EPOCH_UNITS.items():
        if EPOCH[0] / scale < value < EPOCH[1] / scale:
            way = f"a field of a model file with type = 'time' and unit = '{unit}' reads it"
            return f"{said}; if it is a time since 1970, {way}"
    return said


EPOCH_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6}
"""The units of a time since 1970, in seconds."""

EPOCH = (1e9, 4e9)
"""Numbers between these are seconds since 1970: 2001 to 2096."""

_DIGIT = re.compile(r"[0-9]")
_TEXT = "; send 12.5 for '12.5' or '$12.50', or read numbers in text: text = true in a model file"


class EventDecoder:
    """Decodes events of the configured fields.

    Args:
        fields: The numeric fields of an event, in order.
        target: The field that is learned; an event may lack it.
    """

    def __init__(self, fields: Sequence[str], target: str) -> None:
        self._features = tuple(name for name in fields if name != target)
        self._target = target
        self._fields = tuple(fields)
        self._read = plain_reader(self._fields, target)
        self._at = self._fields.index(target)

    def __call__(self, value: bytes | None) -> Decoded:
        """The row of a labelled event, ``UNLABELLED``, or the reason for refusal."""
        row = self._read(value)
        if row is None:
            return self._explain(value)
        return UNLABELLED if row[self._at] is None else row

    def _explain(self, value: bytes | None) -> Decoded:
        """Check field by field, the target last, and report the first fault."""
        document = parse_object(value)
        if isinstance(document, Rejected):
            return document
        numbers: dict[str, float] = {}
        for name in self._features:
            if name not in document:
                return Rejected(Reason.MISSING_FIELD, f"{name} is missing")
            number = parse_number(name, document[name])
            if isinstance(number, Rejected):
                return number
            numbers[name] = number
        if document.get(self._target) is None:
            return UNLABELLED
        number = parse_number(self._target, document[self._target])
        if isinstance(number, Rejected):
            return number
        numbers[self._target] = number
        return tuple(numbers[name] for name in self._fields)


_KINDS = {bool: "a boolean", str: "a string", list: "a list", dict: "an object", type(None): "null"}


def describe_kind(value: object) -> str:
    """What a value of JSON is, for a message: "a string"."""
    return _KINDS.get(type(value), "a number")
