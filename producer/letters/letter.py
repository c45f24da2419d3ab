"""A dead letter, out of its record; pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import orjson

from contract.messages import KEPT_HEADER, OURS


@dataclass(frozen=True, slots=True)
class Letter:
    """A refused event.

    Attributes:
        place: Where it stands, topic-partition-offset; names the letter.
        reason: One of ``contract.messages.Reason``, or of a later version.
        detail: Why, for people.
        timestamp_ms: The event's; -1 if it has none.
        key: The event's, as far as the letter has it; None if it was null.
        value: The event's, as far as the letter has it; None if it was null.
        length: Bytes of the event's value; None if it was null or is not known.
        headers: The event's, as far as the letter has them, without those of our own names.
    """

    place: str
    reason: str
    detail: str
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    length: int | None
    headers: tuple[tuple[str, bytes], ...] = ()

    @classmethod
    def of(
        cls,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes | None]],
    ) -> Self | None:
        """The letter of a record; None if the record is none."""
        told = {name.removeprefix("riverline."): it or b"" for name, it in headers}
        if key is None or "reason" not in told:
            return None
        texts = {name: it.decode(errors="replace") for name, it in told.items()}
        timestamp = _whole(texts.get("timestamp", ""))
        return cls(
            place=key.decode(errors="replace"),
            reason=texts["reason"],
            detail=texts.get("detail", ""),
            timestamp_ms=-1 if timestamp is None else timestamp,
            key=told.get("key"),
            value=value,
            length=_whole(texts.get("length", "")),
            headers=tuple(_original(headers)),
        )

    @property
    def is_cut(self) -> bool:
        """Whether the letter has only the beginning of the value."""
        return self.value is not None and (self.length or 0) > len(self.value)

    @property
    def when(self) -> str:
        """The event's timestamp as ISO 8601, empty if it has none."""
        try:
            moment = datetime.fromtimestamp(self.timestamp_ms / 1000, UTC)
        except (ValueError, OverflowError, OSError):
            return ""
        return "" if self.timestamp_ms < 0 else moment.isoformat(timespec="milliseconds")

    def document(self) -> dict[str, Any]:
        """The letter as JSON: its value as JSON if it is, otherwise as text."""
        value: Any = None
        if self.value is not None:
            try:
                value = orjson.loads(self.value)
            except orjson.JSONDecodeError:
                value = self.value.decode(errors="replace")
        return {
            "dead_letter": self.place,
            "reason": self.reason,
            "detail": self.detail,
            "timestamp": self.when,
            "value": value,
        } | ({"cut": True} if self.is_cut else {})


def _whole(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _original(headers: Sequence[tuple[str, bytes | None]]) -> Iterator[tuple[str, bytes]]:
    for name, content in headers:
        original = name.removeprefix(KEPT_HEADER)
        if original != name and not original.startswith(OURS):
            yield original, content or b""
