"""Rounds: everybody once in each, in an order that turns from round to round."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def in_turn(things: Sequence[T], number: int, rounds: int) -> list[T]:
    """The order of a round: over all rounds everything stands early, in the middle and late.

    >>> [in_turn("abcd", number, 2) for number in range(2)]
    [['a', 'b', 'c', 'd'], ['c', 'd', 'a', 'b']]
    """
    turn = number * len(things) // rounds
    return [*things[turn:], *things[:turn]]
