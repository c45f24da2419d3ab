"""Reads the ids of events as the model file says."""

from typing import Any

from consumer.decode.event import Identified, Rejected, Row, Unlabelled, describe_kind
from consumer.decode.formula import echo
from consumer.decode.mapping.paths import FAILS, Get, path
from consumer.decode.record import Record
from contract.messages import Reason


class EventIds:
    """What tells events apart.

    Args:
        where: The path of an event's id.
        key: Its key in the model file, for messages.
    """

    def __init__(self, where: str, key: str) -> None:
        self._get = path(where)
        self._expected = f"{key}: expected a text or a whole number"

    def of(self, document: dict[str, Any], record: Record) -> str | Rejected:
        """The id of an event, or of a label's event."""
        value = found(self._get, document, record)
        return value if type(value) is Rejected else self.read(value)

    def read(self, value: object) -> str | Rejected:
        """What stands at the path, as an id: a whole number is the same as its text."""
        if type(value) is str and value:
            return value
        if type(value) is int:
            return str(value)
        kind = "an empty text" if value == "" else describe_kind(value)
        return Rejected(Reason.BAD_ID, f"{self._expected}, got {kind}")


def identified(event: Row | Unlabelled | Rejected, id_: str | Rejected) -> Identified | Rejected:
    """An event with its id, whose fault counts last."""
    if type(event) is Rejected:
        return event
    if type(id_) is Rejected:
        return id_
    return Identified(id_, event if type(event) is tuple else None)  # type: ignore[arg-type]


def found(get: Get, document: dict[str, Any], record: Record) -> object:
    """What stands there, or why the path does not fit the event."""
    try:
        return get(document, record)
    except FAILS as error:
        return Rejected(Reason.BAD_SHAPE, said(error))


def said(error: BaseException) -> str:
    """What a path's fault is, short."""
    return echo(str(error).splitlines()[0] if str(error) else type(error).__name__)
