"""Reads and writes Faust's envelopes.

``agent.ask(value)`` sends the value under headers, or without ``use_reply_headers`` in an object:

    {"value": {"tv": 50}, "reply_to": "f-reply-1", "correlation_id": "7",
     "__faust": {"ns": "@ReqRepRequest"}}

Either way a value that is a ``faust.Record`` says so in a member ``__faust``. The reply is an
object of three members, and its reader looks for the id there alone.
"""

from typing import Any

import orjson

from consumer.decode.dialects.families import FAUST, Headers, detect
from contract.messages import MAX_MESSAGE_BYTES

_TAG = "__faust"
_REQUESTS = (
    {"ns": "@ReqRepRequest"},
    {"ns": "faust.agents.models.ModelReqRepRequest"},  # the value is a ``faust.Record``
)


def unwrap(headers: Headers, value: bytes | None) -> tuple[Headers, bytes | None]:
    """Turn a Faust request into headers and a bare value; leave any other as it is."""
    if value is None or _TAG.encode() not in value or len(value) > MAX_MESSAGE_BYTES:
        return headers, value
    if detect(dict(headers)) not in (FAUST, None):
        return headers, value
    try:
        document = orjson.loads(value)
    except orjson.JSONDecodeError:
        return headers, value
    if not isinstance(document, dict):
        return headers, value
    if document.get(_TAG) in _REQUESTS:
        headers, document = _address(headers, document), document.get("value")
    try:
        return headers, orjson.dumps(_untagged(document))
    except TypeError:  # deeper than orjson writes: refused as it is
        return headers, value


def wrap(value: bytes, key: bytes | None, correlation_id: bytes | None) -> bytes:
    """The envelope of a reply.

    Args:
        value: The reply, JSON.
        key: The request's key.
        correlation_id: The request's, UTF-8.
    """
    return orjson.dumps(
        {
            "key": None if key is None else key.decode(errors="replace"),
            "value": orjson.Fragment(value),
            "correlation_id": None if correlation_id is None else correlation_id.decode(),
        }
    )


def _address(headers: Headers, envelope: dict[str, Any]) -> Headers:
    """The headers, with the envelope's address added."""
    members = {FAUST.reply_topic: "reply_to", FAUST.correlation_id: "correlation_id"}
    texts = {name: envelope.get(member) for name, member in members.items()}
    own = [(name, text.encode()) for name, text in texts.items() if isinstance(text, str)]
    return [*own, *headers]  # of a repeated header the last counts: a header before the envelope


def _untagged(value: Any) -> Any:  # noqa: ANN401 - JSON
    """A value without the tags of Faust's models: its own, and its parameters'."""
    if not isinstance(value, dict):
        return value
    bare = {name: inner for name, inner in value.items() if name != _TAG}
    if isinstance(params := bare.get("params"), dict):
        bare["params"] = {name: inner for name, inner in params.items() if name != _TAG}
    return bare
