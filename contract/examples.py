"""The golden examples, as Python sees them: the files in ``examples/``.

Each file is a list of objects that any language can read:

    name     says what is special about it; unique within the file
    text     the value as UTF-8; or ``base64``, its bytes; or ``null``: true, for a tombstone
    outcome  what a service with the default FIELDS and FORMULA makes of it

The outcome of an event is "learned", "unlabelled" or ``{"refused": <Reason>}``. That of a request
is ``{"asks": <Method>}`` where it is well-formed, else ``{"error": <ErrorCode>}``, of a model that
has learned enough events. That of a reply is ``{"answers": <Method>}``, with the ``prediction``
beside it if it is one, or ``{"error": <ErrorCode>}``.
"""

import base64
import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from contract.messages import ErrorCode, Method, Outcome, Reason


@dataclass(frozen=True, slots=True)
class EventExample:
    """The value of an event, and what becomes of it.

    Attributes:
        name: What is special about it.
        value: The record's value.
        outcome: Learned, unlabelled or refused.
        reason: Why it is refused; None where it is not.
    """

    name: str
    value: bytes | None
    outcome: Outcome
    reason: Reason | None


@dataclass(frozen=True, slots=True)
class RequestExample:
    """The value of a request, and what it asks for or why it is refused; one of the two is None.

    Attributes:
        name: What is special about it.
        value: The record's value.
        asks: The method it asks for.
        error: The code of the error reply.
    """

    name: str
    value: bytes | None
    asks: Method | None
    error: ErrorCode | None


@dataclass(frozen=True, slots=True)
class ReplyExample:
    """The value of a reply, and what its reader should see.

    Attributes:
        name: What is special about it.
        value: The record's value.
        answers: The method it answers; None where it is an error.
        prediction: The prediction; None where it is something else.
        error: The code of the error reply; None where it is an answer.
    """

    name: str
    value: bytes
    answers: Method | None
    prediction: float | None
    error: ErrorCode | None


def load_events() -> list[EventExample]:
    """The golden events."""
    return [
        EventExample(
            name=entry["name"],
            value=_value(entry),
            outcome=Outcome.REFUSED if type(said) is dict else Outcome(said),
            reason=Reason(said["refused"]) if type(said) is dict else None,
        )
        for entry in _entries("events")
        for said in [entry["outcome"]]
    ]


def load_requests() -> list[RequestExample]:
    """The golden requests."""
    return [
        RequestExample(
            name=entry["name"],
            value=_value(entry),
            asks=_method(entry["outcome"], "asks"),
            error=_error(entry["outcome"]),
        )
        for entry in _entries("requests")
    ]


def load_replies() -> list[ReplyExample]:
    """The golden replies."""
    return [
        ReplyExample(
            name=entry["name"],
            value=_value(entry) or b"",
            answers=_method(entry["outcome"], "answers"),
            prediction=entry["outcome"].get("prediction"),
            error=_error(entry["outcome"]),
        )
        for entry in _entries("replies")
    ]


def _entries(kind: str) -> list[dict[str, Any]]:
    text = files(__package__).joinpath("examples", f"{kind}.json").read_text("utf-8")
    entries: list[dict[str, Any]] = json.loads(text)
    return entries


def _value(entry: dict[str, Any]) -> bytes | None:
    if "text" in entry:
        return str(entry["text"]).encode()
    if "base64" in entry:
        return base64.b64decode(entry["base64"], validate=True)
    return None


def _method(outcome: dict[str, Any], word: str) -> Method | None:
    return Method(outcome[word]) if word in outcome else None


def _error(outcome: dict[str, Any]) -> ErrorCode | None:
    return ErrorCode(outcome["error"]) if "error" in outcome else None
