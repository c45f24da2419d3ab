"""The positions that an asker wants its answer to include: read your writes."""

import re
from collections.abc import Mapping

from consumer.decode.event import describe_kind
from consumer.decode.request_error import RequestError
from contract.messages import AT_LEAST, ErrorCode

MAX_POSITION = 2**63 - 1
_NUMBER = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)

Bounds = Mapping[int, int]
"""By partition of the events topic, the offset of the first record that need not be learned."""


def parse_bounds(value: object) -> dict[int, int]:
    """The bounds of a question, from ``{"2": 1234}``; none where there is no value.

    Raises:
        RequestError: They have another shape.
    """
    if value is None:
        return {}
    if type(value) is not dict:
        raise _bad(f'expected an object such as {{"2": 1234}}, got {describe_kind(value)}')
    for number, position in value.items():
        if _NUMBER.fullmatch(number) is None:
            raise _bad("expected the number of a partition, in decimal, before each position")
        if type(position) is not int or not 0 <= position <= MAX_POSITION:
            raise _bad(f"expected an offset of 0 or more for partition {number}")
    return {int(number): position for number, position in value.items()}


def check_partitions(bounds: Bounds, partitions: int) -> None:
    """Check that the events topic has the partitions of the bounds.

    Raises:
        RequestError: It has not.
    """
    if len(bounds) > partitions:
        raise _bad(f"{len(bounds)} partitions, and the events topic has {partitions}")
    if (highest := max(bounds, default=0)) >= partitions:
        raise _bad(f"the events topic has no partition {highest}; it has 0 to {partitions - 1}")


def _bad(sentence: str) -> RequestError:
    return RequestError(ErrorCode.BAD_PARAMS, f"{AT_LEAST}: {sentence}")
