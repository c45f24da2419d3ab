"""The note by which an application says that it takes over the answering of requests."""

from dataclasses import dataclass
from typing import Self

TAKE_OVER_SECONDS = 30.0
"""How long the note of an application that is gone still counts."""


@dataclass(frozen=True, slots=True)
class TakeOver:
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
        """Read one; None if the text is none, or one that no longer counts."""
        application, _, until = text.rpartition(" ")
        if not application or not until.isascii() or not until.isdigit():
            return None
        note = cls(application, int(until))
        return note if now_ms < note.until_ms <= now_ms + 2 * TAKE_OVER_SECONDS * 1000 else None
