"""Events whose labels did not come in time, as they are counted and seen."""

from dataclasses import dataclass
from typing import Self

from consumer.model.late.as_served import Pending


@dataclass(frozen=True, slots=True)
class Expiries:
    """What became of the events whose labels did not come in time.

    Attributes:
        expired: How many there were.
        by_absence: How many of them were learned, with the label that absence counts as.
        over_limit: How many of them had to go because too many waited.
    """

    expired: int = 0
    by_absence: int = 0
    over_limit: int = 0

    def plus(self, other: Self) -> Self:
        """The sums of both."""
        return type(self)(
            self.expired + other.expired,
            self.by_absence + other.by_absence,
            self.over_limit + other.over_limit,
        )


@dataclass(frozen=True, slots=True)
class ByIdView:
    """The same at one moment; immutable.

    Attributes:
        expiries: What became of the events whose labels did not come in time.
        pending: What the rows of the unfinished block are scored by; None without late labels.
    """

    expiries: Expiries
    pending: Pending | None
