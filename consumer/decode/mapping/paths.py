"""Where a field stands: a path into an event's document, its record's headers, key or timestamp.

properties.price                              members of members
event_params[?key=='price'].value | [0]       any JMESPath
@header.ce_type, @key, @timestamp             the record's header, key, timestamp
"""

import re
from collections.abc import Callable
from operator import itemgetter
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from consumer.decode.record import Record

Get = Callable[[dict[str, Any], Record], Any]
"""What stands there, or None. Raises whatever UNREADABLE_PATH lists."""

FAILS = (JMESPathError, ArithmeticError, LookupError, TypeError, ValueError, RecursionError)
"""What a JMESPath may raise on a document that it does not fit, as a function on another type."""

HEADER = "@header."

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_DOTTED = re.compile(rf"{_NAME}(?:\.{_NAME})*")
_EQUALS = re.compile(rf"\s*(@header\.[^\s=]+|@key|{_NAME}(?:\.{_NAME})*)\s*==\s*'([^'\\]*)'\s*")


def path(text: str) -> Get:
    """Where the text leads.

    Raises:
        ValueError: It is not a path.
    """
    if text == "@timestamp":
        return lambda _document, record: None if record.timestamp < 0 else record.timestamp
    if text == "@key":
        return lambda _document, record: _text(record.key)
    if text.startswith(HEADER):
        return _header(text.removeprefix(HEADER))
    if _DOTTED.fullmatch(text):
        return _members(tuple(text.split(".")))
    search = _compiled(text).search
    return lambda document, _record: search(document)


def member(name: str) -> Get:
    """The event's member of this name, dots and all."""
    return lambda document, _record: document.get(name)


def condition(text: str) -> Callable[[dict[str, Any], Record], bool]:
    """Whether an event is meant: ``event == 'Order Completed'``, or any JMESPath.

    What JMESPath calls false is: null, false, and an empty string, list or object.

    Raises:
        ValueError: It is not an expression.
    """
    if found := _EQUALS.fullmatch(text):
        get, expected = path(found[1]), found[2]
        return lambda document, record: bool(get(document, record) == expected)
    search = _compiled(text).search

    def holds(document: dict[str, Any], _record: Record) -> bool:
        value = search(document)
        return value is not None and value is not False and value not in ("", [], {})

    return holds


def equality(text: str) -> tuple[str, str] | None:
    """The path and the text that a condition compares; None if it is not that simple."""
    found = _EQUALS.fullmatch(text)
    return None if found is None else (found[1], found[2])


def dotted(text: str | None, name: str) -> tuple[str, ...] | None:
    """The names along a path; None if it is more than that. Without a path: the one name."""
    if text is None:
        return (name,)
    return tuple(text.split(".")) if _DOTTED.fullmatch(text) else None


def is_text(text: str) -> bool:
    """Whether what stands at this path is always text: a header or the key."""
    return text == "@key" or text.startswith(HEADER)


def _members(names: tuple[str, ...]) -> Get:
    if len(names) == 1:
        return member(names[0])
    first, *rest = names

    def get(document: dict[str, Any], _record: Record) -> Any:  # noqa: ANN401 - JSON
        value = document.get(first)
        for name in rest:
            if type(value) is not dict:
                return None
            value = value.get(name)
        return value

    return get


def _header(name: str) -> Get:
    if not name:
        raise ValueError("@header. must be followed by a header's name")
    key, content = itemgetter(0), itemgetter(1)

    def get(_document: dict[str, Any], record: Record) -> str | None:
        for header in record.headers:
            if key(header) == name:
                return _text(content(header))
        return None

    return get


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()  # UnicodeDecodeError is a ValueError


def _compiled(text: str) -> Any:  # noqa: ANN401 - jmespath has no types
    try:
        return jmespath.compile(text)
    except JMESPathError as error:
        raise ValueError(f"not a JMESPath: {str(error).splitlines()[0]}") from error
