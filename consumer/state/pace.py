"""When a partition's history is worth saving: it is large, and can be read again. Pure.

What is bounded is how many events a restart reads again, over all partitions of an instance.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from consumer.model import WINDOW

QUIET_SECONDS = 10.0
"""A history that has not changed for so long is saved, however little the saved one lacks."""


@dataclass(frozen=True, slots=True)
class Unsaved:
    """A history that the changelog has not as it is now.

    Attributes:
        partition: Its partition.
        events: How many records would be read again without it.
        saved_rows: How many rows the saved one is of.
        since: When it changed last, seconds on any clock.
    """

    partition: int
    events: int
    saved_rows: int
    since: float


def worth_saving(histories: Iterable[Unsaved], most_events: int, now: float) -> list[int]:
    """The partitions whose histories are to be saved now, the furthest behind first.

    All that are quiet, or whose saved window is not full yet (others would wait long for exact
    quartiles); and of the rest as many as it takes for at most ``most_events`` to be read again.
    """
    furthest_first = sorted(histories, key=lambda history: -history.events)
    left = sum(history.events for history in furthest_first)
    chosen = []
    for history in furthest_first:
        quiet = now - history.since >= QUIET_SECONDS
        if left > most_events or quiet or history.saved_rows < WINDOW:
            chosen.append(history.partition)
            left -= history.events
    return chosen
