"""A sealed segment of a partition's ledger as a record of the changelog, and back. Pure."""

import re

import orjson

from consumer.model import ModelSpec
from consumer.model.late.sealed import Sealed
from consumer.state.belonging import ForeignError, foreign, identity, must_match
from consumer.state.snapshot import FORMAT, RIVERLINE, DamagedError, digest

PART = "ids"

_KEY = re.compile(rb"partition-\d+-ids-(\d{1,19})")


def key(number: int, begin: int) -> bytes:
    """The key of the segment of a partition that begins at this offset."""
    return f"partition-{number}-{PART}-{begin}".encode()


def begin_of(key: bytes | None) -> int | None:
    """The offset that the segment with this key begins at; None if it is of another part."""
    found = _KEY.fullmatch(key or b"")
    return None if found is None else int(found[1])


def write(sealed: Sealed, spec: ModelSpec, number: int, topic_id: str) -> bytes:
    """The document."""
    state = dict(sealed.state) | identity(spec, number, topic_id)
    return orjson.dumps(
        {
            "format": FORMAT,
            "part": PART,
            "riverline": RIVERLINE,
            "position": sealed.end,
            "sha256": digest(state),
            "state": state,
        }
    )


def read(value: bytes, number: int, spec: ModelSpec, topic_id: str) -> Sealed:
    """The segment in a record of the changelog's partition ``number``.

    Raises:
        DamagedError: It is not a segment, or is not as it was written.
        ForeignError: It belongs to another topic, model, format or river version.
    """
    try:
        document = orjson.loads(value)
        if document["format"] != FORMAT:
            raise ForeignError(foreign("format", document["format"], FORMAT))
        state = document["state"]
        if digest(state) != document["sha256"]:
            raise DamagedError("its SHA-256 does not match its state")
        if document["part"] != PART or state["partition"] != number:
            raise DamagedError("it belongs to another part or partition")
        if state["topic_id"] and topic_id and state["topic_id"] != topic_id:
            raise ForeignError(foreign("topic", state["topic_id"], topic_id))
        must_match(state, spec)  # a change that touches rows is none that can be taken up
        return Sealed.from_state(state)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"not a segment: {type(error).__name__}: {error}") from error
