"""A field of the model file, and the checks of its keys against each other."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Literal

from contract.messages import VALUE_LIMIT

Kind = Literal["number", "category", "boolean", "time"]
Part = Literal["hour", "weekday", "days", "seconds"]
Unit = Literal["s", "ms", "us"]

OMIT, REFUSE, INDICATOR = "omit", "refuse", "indicator"

INDICATED = ".missing"
"""After a field's name: the boolean that tells whether an event lacks it."""

_ONLY_OF: dict[str, tuple[Kind, ...]] = {
    "range": ("number", "time"),
    "text": ("number", "boolean"),
    "levels": ("category",),
    "other": ("category",),
    "part": ("time",),
    "unit": ("time",),
    "origin": ("time",),
}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an event.

    Attributes:
        name: What formulas, requests and replies call it.
        path: Where it stands in the event; None: the event's own member of that name.
        type: What its values are.
        missing: What an event without it counts as: one that serves the formulas which do not
            need it (``omit``), refused (``refuse``), a number, a level, or 0 with the boolean
            NAME.missing beside it (``indicator``).
        range: The least and the largest value that is taken; None: what an event may have.
        text: Whether text that spells a number or boolean counts.
        levels: A category's levels, the first is the reference.
        other: The level that an undeclared one counts as; None: it is refused.
        part: What is taken of a time.
        unit: The unit of a time that is a number; None: it is a text in ISO 8601.
        origin: Where ``days`` and ``seconds`` begin, ISO 8601; None: 1970.
    """

    name: str
    path: str | None = None
    type: Kind = "number"
    missing: float | str = OMIT
    range: tuple[float, float] | None = None
    text: bool = False
    levels: tuple[str, ...] = ()
    other: str | None = None
    part: Part | None = None
    unit: Unit | None = None
    origin: str | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """What the model file says of it."""
        return tuple(it.name for it in fields(self) if it.name != "name")

    @property
    def low(self) -> float:
        """The least value that is taken."""
        return -VALUE_LIMIT if self.range is None else self.range[0]

    @property
    def high(self) -> float:
        """The largest value that is taken."""
        return VALUE_LIMIT if self.range is None else self.range[1]

    @property
    def coded_levels(self) -> tuple[str, ...]:
        """A category's levels, with those that undeclared and missing ones count as."""
        extra = [self.other, self.missing if self.missing not in (OMIT, REFUSE) else None]
        return tuple(dict.fromkeys([*self.levels, *(it for it in extra if type(it) is str)]))

    @property
    def indicated(self) -> bool:
        """Whether NAME.missing stands beside it."""
        return self.type != "category" and self.missing == INDICATOR

    def substitute(self) -> float | None:
        """What an event without it counts as, NaN if it lacks it; None if it is refused."""
        if self.missing == REFUSE:
            return None
        if self.missing == OMIT:
            return math.nan
        if self.type == "category":
            return float(self.coded_levels.index(str(self.missing)))
        return 0.0 if type(self.missing) is str else float(self.missing)

    def faults(self, given: frozenset[str]) -> Iterator[tuple[str, str]]:
        """What does not go together: the key and what is wrong with it.

        Args:
            given: The keys that the model file has.
        """
        for key in sorted(given & _ONLY_OF.keys()):
            if self.type not in _ONLY_OF[key]:
                yield key, f"is for type {' or '.join(_ONLY_OF[key])}; this field's is {self.type}"
        if self.type == "category" and len(self.coded_levels) < 2:  # noqa: PLR2004 - of one, no effect
            yield "levels", "must list at least two levels, or one and other"
        if len(set(self.levels)) != len(self.levels):
            yield "levels", "lists a level twice"
        if self.type == "time" and self.part is None:
            yield "part", "is missing: hour, weekday, days or seconds"
        if self.range is not None and not -VALUE_LIMIT <= self.low < self.high <= VALUE_LIMIT:
            yield "range", f"must be two numbers, ascending, at most {VALUE_LIMIT:g} in magnitude"
        if (fault := self._missing_fault()) is not None:
            yield "missing", fault

    def _missing_fault(self) -> str | None:
        if self.missing in (OMIT, REFUSE):
            return None
        if self.type == "category":
            return None if type(self.missing) is str else "must be 'omit', 'refuse' or a level"
        if self.missing == INDICATOR:
            return None
        if type(self.missing) is str:
            return "must be 'omit', 'refuse', a number or 'indicator'"
        return None if self.low <= float(self.missing) <= self.high else "is outside the range"
