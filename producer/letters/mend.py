"""Mended letters out of JSON lines, all faults told together; pure."""

from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from contract.messages import MAX_MESSAGE_BYTES


class MendError(Exception):
    """Lines that cannot be sent; the message has a line for each fault."""


@dataclass(frozen=True, slots=True)
class Mended:
    """An event to be sent in place of a refused one.

    Attributes:
        line: Where it came from, from 1 on.
        place: Which letter it mends: topic-partition-offset.
        value: The event, JSON.
    """

    line: int
    place: str
    value: bytes


def read_mended(lines: Iterable[bytes]) -> list[Mended]:
    """The events of JSON lines with the members ``dead_letter`` and ``value``; others are ignored.

    Raises:
        MendError: A line is no such object, its value no object or too large, or its letter named
            before. Whether the letter exists is not looked at here.
    """
    found: dict[str, Mended] = {}
    faults: list[str] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            mended = _mended(number, line)
        except ValueError as fault:
            faults.append(f"line {number}: {fault}")
            continue
        if (before := found.setdefault(mended.place, mended)) is not mended:
            faults.append(f"line {number}: {mended.place} stands in line {before.line}, too")
    if faults:
        raise MendError("\n".join(faults))
    return list(found.values())


def _mended(number: int, line: bytes) -> Mended:
    """The event of a line.

    Raises:
        ValueError: The line has none.
    """
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"expected JSON ({error})") from error
    if not isinstance(document, dict) or not isinstance(document.get("dead_letter"), str):
        raise ValueError("expected an object with dead_letter, as --json prints it")  # noqa: TRY004
    event = document.get("value")
    if not isinstance(event, dict):
        raise ValueError(f"{document['dead_letter']}: expected an object as value: mend it first")  # noqa: TRY004
    value = orjson.dumps(event)
    if len(value) > MAX_MESSAGE_BYTES:
        raise ValueError(f"{len(value)} bytes; the limit is {MAX_MESSAGE_BYTES}")
    return Mended(number, document["dead_letter"], value)
