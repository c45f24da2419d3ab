"""The fast way to what stands at dotted paths: it builds these members alone and skips all others.

What it takes is what orjson and the paths take (tests/property/test_plain_mapping.py); whatever is
not plain, a list, an escape, a very large number, it leaves to that way.
"""

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

import msgspec

from consumer.decode.plain import is_plain

Leaves = tuple[Any, ...]
"""A text, number, boolean or None for each path."""

WHOLE = 2**53
"""Whole numbers up to this are the same as doubles."""


def plain_leaves(
    paths: Iterable[tuple[str, ...]],
) -> Callable[[bytes | None], Leaves | None] | None:
    """Reads what stands at these paths, in their order.

    Args:
        paths: The members' names, from the outside in; none empty.

    Returns:
        A function of a record's value, which returns None where the other way is to decide; None if
        one of the paths leads through another.
    """
    tree: dict[str, Any] = {}
    places = []
    for path in paths:
        node, steps = tree, []
        for name in path[:-1]:
            node = node.setdefault(name, {})
            if type(node) is not dict:
                return None
            steps.append(name)
        if type(node.setdefault(path[-1], None)) is dict:
            return None
        places.append((*steps, path[-1]))
    event, attributes = _struct(tree)
    decode = msgspec.json.Decoder(event).decode
    named = [".".join(attributes[place]) for place in places]
    found = attrgetter(*named)
    get = found if len(named) > 1 else lambda made: (found(made),)

    def read(value: bytes | None) -> Leaves | None:
        if value is None or not is_plain(value) or b"\\" in value:
            return None
        try:
            leaves: Leaves = get(decode(value))
        except (msgspec.DecodeError, RecursionError):
            return None
        for leaf in leaves:
            kind = type(leaf)
            if kind is dict or kind is list or (kind is int and not -WHOLE <= leaf <= WHOLE):
                return None
        return leaves

    return read


def _struct(tree: dict[str, Any]) -> tuple[Any, dict[tuple[str, ...], tuple[str, ...]]]:
    """A type for the tree's members, and by path the attributes that lead to each leaf."""
    members: list[Any] = []
    attributes: dict[tuple[str, ...], tuple[str, ...]] = {}
    for number, (name, inner) in enumerate(tree.items()):
        member = f"f{number}"
        if inner is None:
            members.append((member, Any, None))
            attributes[(name,)] = (member,)
            continue
        made, within = _struct(inner)
        members.append((member, made, msgspec.field(default_factory=made)))
        attributes |= {(name, *path): (member, *steps) for path, steps in within.items()}
    names = {f"f{number}": name for number, name in enumerate(tree)}
    made = msgspec.defstruct("Members", members, rename=names, kw_only=True, gc=False)
    return made, attributes
