"""What a member of events is, by the values that a sample has of it. Pure."""

import re
from collections import Counter
from dataclasses import dataclass, field

from consumer.decode.event import EPOCH, EPOCH_UNITS
from consumer.decode.mapping.kinds import iso_is_valid
from consumer.explore.members import Scalar
from contract.messages import VALUE_LIMIT

MAX_LEVELS = 12
"""The most levels of a category that is suggested."""

_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,15})?([eE][+-]?\d{1,2})?", re.ASCII)
_ID = re.compile(r"(^|[._\"@-])(id|uuid|guid|version|specversion)\"?$|[a-z]Id$")
_TIMELY = re.compile(r"(^|[._@ -])(ts|time|tstamp|timestamp|date|at)\b|(time|stamp|_at|Time|At)$")


@dataclass(slots=True)
class Observed:
    """The values of one member.

    Attributes:
        path: Where it stands.
        n: In how many events it has a value.
        numbers: The numbers, those in text too.
        texts: How often each text was there, the first hundred of them.
        kinds: How many values were numbers, text that spells one, times in ISO 8601, other text,
            booleans.
    """

    path: str
    n: int = 0
    numbers: list[float] = field(default_factory=list)
    texts: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)

    def see(self, value: Scalar) -> None:
        """Note a value; null and an empty text are none."""
        if value is None or value == "":
            return
        self.n += 1
        if isinstance(value, bool):
            self.kinds["boolean"] += 1
        elif isinstance(value, str):
            if _NUMBER.fullmatch(value):
                self.kinds["numeral"] += 1
                self.numbers.append(float(value))
            else:
                self.kinds["time" if len(value) > 7 and iso_is_valid(value) else "text"] += 1  # noqa: PLR2004
            if value in self.texts or len(self.texts) < 100:  # noqa: PLR2004
                self.texts[value] += 1
        else:
            self.kinds["number"] += 1
            self.numbers.append(float(value))

    @property
    def type(self) -> str | None:
        """The type of field that it would be; None if none fits, as for an id."""
        kinds = {kind for kind, count in self.kinds.items() if count}
        if not kinds or _ID.search(self.path):
            return None
        if kinds <= {"number", "numeral"}:
            return self._type_of_numbers()
        if kinds <= {"text", "numeral"}:
            # Names of people, free text and the like are others in nearly every event.
            few = 1 < len(self.texts) <= min(MAX_LEVELS, max(3, self.n / 3))
            return "category" if few else None
        return kinds.pop() if kinds in ({"boolean"}, {"time"}) else None

    def _type_of_numbers(self) -> str | None:
        if self.unit is not None:
            return "time"
        is_date = self.is_text and _TIMELY.search(self.path)  # 20261127
        return None if is_date or max(map(abs, self.numbers)) > VALUE_LIMIT else "number"

    @property
    def varies(self) -> bool:
        """Whether there are two values."""
        return len(set(self.numbers) or self.texts) > 1

    @property
    def unit(self) -> str | None:
        """The unit of numbers that are times since 1970."""
        if not self.numbers or not _TIMELY.search(self.path):
            return None
        for unit, scale in EPOCH_UNITS.items():
            if all(EPOCH[0] < it * scale < EPOCH[1] for it in self.numbers):
                return unit
        return None

    @property
    def levels(self) -> list[str]:
        """A category's levels, the most frequent first."""
        return [text for text, _ in self.texts.most_common(MAX_LEVELS)]

    @property
    def is_text(self) -> bool:
        """Whether some of the numbers are text."""
        return self.kinds["numeral"] > 0
