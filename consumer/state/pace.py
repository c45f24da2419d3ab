"""When a partition's history is worth saving: it is large, and can be read again. Pure.

What is bounded is how many events a restart reads again, over all partitions of an instance.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from consumer.model import WINDOW

QUIET_SECONDS = 2.0
"""One whose partition has not moved for so long is saved, however little the saved one lacks."""


@dataclass(frozen=True, slots=True)
class Unsaved:
    """A history that the changelog has not as it is now.

    Attributes:
        partition: Its partition.
        events: How many records would be read again without it.
        rows: How many rows it is of.
        saved_rows: How many the saved one is of.
        since: When its partition moved last, seconds on any clock.
    """

    partition: int
    events: int
    rows: int
    saved_rows: int
    since: float


def worth_saving(histories: Iterable[Unsaved], most_events: int, now: float) -> list[int]:
    """The partitions whose histories are to be saved now, the furthest behind first.

    All that are quiet; or have twice the rows of the saved one, until its window is full (others
    would wait long for quartiles); and of the rest as many as it takes for at most ``most_events``
    to be read again.
    """
    furthest_first = sorted(histories, key=lambda history: -history.events)
    left = sum(history.events for history in furthest_first)
    chosen = []
    for history in furthest_first:
        quiet = now - history.since >= QUIET_SECONDS
        grows = history.saved_rows < min(WINDOW, history.rows // 2 + 1)
        if left > most_events or quiet or grows:
            chosen.append(history.partition)
            left -= history.events
    return chosen
