"""The positions that a question asks with, in the forms that they come in. Pure."""

from collections.abc import Mapping
from typing import Any

from contract.messages import AT_LEAST


def positions_of(after: Mapping[Any, Any]) -> dict[str, int]:
    """The member ``at_least`` of a question.

    Args:
        after: The reply to ``learn``; or positions by partition, as of ``send_events``.

    Raises:
        ValueError: It is the reply to something else.
    """
    found = after.get(AT_LEAST, after)
    if not isinstance(found, Mapping) or not all(str(number).isdecimal() for number in found):
        raise ValueError("after: expected the reply to learn, or positions by partition")
    return {str(number): position for number, position in found.items()}


def parse_positions(text: str) -> dict[int, int]:
    """Positions as people write them: ``2:1234,0:77``.

    Raises:
        ValueError: They are written in another way.
    """
    positions = {}
    for entry in text.split(","):
        number, _, position = entry.strip().partition(":")
        if not (number.isdecimal() and position.isdecimal()) or int(number) in positions:
            raise ValueError(f"expected PARTITION:POSITION,..., each partition once, got {text!r}")
        positions[int(number)] = int(position)
    return positions


def write_positions(positions: Mapping[int, int]) -> str:
    """The same, written."""
    return ",".join(f"{number}:{position}" for number, position in sorted(positions.items()))
