"""The word that an application leaves which was told to take over the answering of requests."""

from dataclasses import dataclass
from typing import Self

WORD_SECONDS = 30.0
"""How long the word of an application that is gone still counts."""


@dataclass(frozen=True, slots=True)
class Word:
    """What all applications on the requests topic read.

    Attributes:
        application: The APPLICATION_ID of the one that takes over.
        until_ms: How long it counts, in milliseconds since the epoch.
    """

    application: str
    until_ms: int

    def __str__(self) -> str:
        return f"{self.application} {self.until_ms}"

    @classmethod
    def read(cls, text: str, *, now_ms: float) -> Self | None:
        """Read it; None if it is none, or does not count any more."""
        application, _, until = text.rpartition(" ")
        if not application or not until.isascii() or not until.isdigit():
            return None
        word = cls(application, int(until))
        return word if now_ms < word.until_ms <= now_ms + 2 * WORD_SECONDS * 1000 else None
