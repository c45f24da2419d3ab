"""The fast way to read an event: it builds the fields alone and skips all other members.

What it takes is what ``event`` takes by orjson, to the bit (tests/property/test_plain.py); whatever
is not plain it leaves to that way, which knows the reasons.
"""

from collections.abc import Callable
from functools import cache
from typing import Annotated, Any

import msgspec

from contract.messages import MAX_MESSAGE_BYTES, VALUE_LIMIT

Values = tuple[Any, ...]
"""A float for each field; None for a target that is missing."""

Reader = Callable[[bytes | None], Values | None]

_Number = Annotated[float, msgspec.Meta(ge=-VALUE_LIMIT, le=VALUE_LIMIT)]

_SHAPE = bytes(
    ord("0") if byte in b"0123456789+" else ord("e") if byte in b"eE" else 0 for byte in range(256)
)
"""Maps digits and the plus to 0, both letters of an exponent to e, and all else to nothing."""

_DIGITS = 210
"""A number of fewer digits in a row, times ten to a power of two digits, is less than 1e308."""

_DEPTH = 1000
"""orjson refuses what is nested in more than 1024 levels."""


@cache
def plain_reader(fields: tuple[str, ...], target: str) -> Reader:
    """Reads the values of the fields, in their order; None stands for a target that is missing.

    Args:
        fields: Names without quotes, backslashes and control characters.
        target: The one that may be missing or null.

    Returns:
        A function of a record's value. It returns None where the value is not an event, and where
        it might not be one: a string that looks like a number beyond the range of a double is
        enough. Then the other way decides.
    """
    members = [f"f{number}" for number in range(len(fields))]
    types: list[Any] = [
        (member, _Number | None, None) if name == target else (member, _Number)
        for member, name in zip(members, fields, strict=True)
    ]
    names = dict(zip(members, fields, strict=True))
    event = msgspec.defstruct("Event", types, rename=names, kw_only=True, gc=False)
    decode, values = msgspec.json.Decoder(event).decode, msgspec.structs.astuple

    def read(value: bytes | None) -> Values | None:
        if type(value) is not bytes or len(value) > MAX_MESSAGE_BYTES:
            return None
        shape = value.translate(_SHAPE)
        if shape.find(b"0e000") >= 0 or (len(value) >= _DIGITS and _is_extreme(value, shape)):
            return None  # orjson refuses what is beyond a double, msgspec may skip it
        try:
            if not value.isascii():
                value.decode()  # likewise what is not UTF-8
            return values(decode(value))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    return read


def is_plain(value: bytes) -> bool:
    """Whether msgspec, which skips what it does not need, refuses in it all that orjson refuses."""
    if type(value) is not bytes or len(value) > MAX_MESSAGE_BYTES:
        return False
    shape = value.translate(_SHAPE)
    if shape.find(b"0e000") >= 0 or (len(value) >= _DIGITS and _is_extreme(value, shape)):
        return False
    if not value.isascii():
        try:
            value.decode()
        except UnicodeDecodeError:
            return False
    return True


def _is_extreme(value: bytes, shape: bytes) -> bool:
    """Whether there may be _DIGITS digits in a row, or more than _DEPTH levels of nesting.

    Among so many digits in a row five at least are looked at.
    """
    return shape[:: _DIGITS // 5].find(b"00000") >= 0 or (
        len(value) > _DEPTH and value.count(b"[") + value.count(b"{") > _DEPTH
    )
