"""The members of an event by their paths, those of objects and lists inside it too. Pure."""

import json
import re
from collections.abc import Iterator
from typing import Any

MAX_DEPTH = 6
MAX_MEMBERS = 200
"""The most members that are looked at in one event."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEYS = (("key", "value"), ("name", "value"))

Scalar = str | float | int | bool | None


def members(event: dict[str, Any]) -> dict[str, Scalar]:
    """The scalars in an event by their JMESPath.

    Of a list of ``{"key": ..., "value": ...}`` each key's value; of other lists the first element.
    """
    found: dict[str, Scalar] = {}
    for path, value in _within(event, "", 0):
        if len(found) == MAX_MEMBERS:
            break
        found[path] = value
    return found


def _within(value: object, path: str, depth: int) -> Iterator[tuple[str, Scalar]]:
    if isinstance(value, dict):
        if depth < MAX_DEPTH:
            for name, inner in value.items():
                step = name if _NAME.fullmatch(name) else json.dumps(name)
                yield from _within(inner, f"{path}.{step}" if path else step, depth + 1)
    elif isinstance(value, list):
        if depth < MAX_DEPTH:
            yield from _in_list(value, path, depth + 1)
    elif value is None or isinstance(value, str | float | int):
        yield path, value


def _in_list(values: list[Any], path: str, depth: int) -> Iterator[tuple[str, Scalar]]:
    for key, content in _KEYS:
        if values and all(isinstance(it, dict) and {key, content} <= it.keys() for it in values):
            for it in values:
                name = it[key]
                if isinstance(name, str) and not {"'", "\\"} & set(name):
                    start = f"{path}[?{key}=='{name}'].{content}"
                    for inner, value in _within(it[content], start, depth):
                        yield f"{inner} | [0]", value
            return
    if values:
        yield from _within(values[0], f"{path}[0]", depth)
