"""A question and its answer as bytes."""

import time
from collections.abc import Mapping
from typing import Any

import orjson

from contract.messages import (
    AT_LEAST,
    CORRELATION_ID,
    DEADLINE,
    MAX_MESSAGE_BYTES,
    REPLY_TO,
    ErrorCode,
)
from producer.after import positions_of
from producer.errors import PredictionError
from producer.sender import Headers

Reply = dict[str, Any]


def write_question(
    method: str, params: Mapping[str, Any], after: Mapping[Any, Any] | None
) -> bytes:
    """The value of a question; see ``PredictionClient.ask``.

    Raises:
        PredictionError: It is too large.
        TypeError: A parameter cannot be written as JSON.
        ValueError: ``after`` has no positions.
    """
    bounds = {} if after is None else {AT_LEAST: positions_of(after)}
    value = orjson.dumps({"method": method, "params": {**params, **bounds}})
    if len(value) > MAX_MESSAGE_BYTES:
        raise PredictionError(
            ErrorCode.TOO_LARGE, f"{len(value)} bytes; the limit is {MAX_MESSAGE_BYTES}"
        )
    return value


def question_headers(
    correlation_id: bytes, replies_topic: str, waits_seconds: float | None
) -> Headers:
    """The headers of a question; with its deadline, if its answer is to wait for positions."""
    headers = [(CORRELATION_ID, correlation_id), (REPLY_TO, replies_topic.encode())]
    if waits_seconds is not None:
        headers.append((DEADLINE, b"%d" % int((time.time() + waits_seconds) * 1000)))
    return headers


def read_reply(value: bytes | None) -> Reply | PredictionError:
    """The reply, or the error that it carries."""
    try:
        reply: Reply = orjson.loads(value or b"")
        if isinstance(reply, dict) and "error" not in reply:
            return reply
        error = reply["error"]
        reached = error.get("positions", {})
        return PredictionError(str(error["code"]), str(error["message"]), reached)
    except (ValueError, TypeError, LookupError, AttributeError):
        return PredictionError(
            ErrorCode.UNREADABLE, "the reply is not a JSON object in the expected form"
        )
