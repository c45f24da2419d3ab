"""Works out from a request's headers where and how to reply.

Rules: the last of repeated headers counts; a correlation id's bytes are echoed without decoding
(except for Faust, which has it in JSON); no header but these and the trace context is copied to the
reply.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from consumer.decode.dialects.families import FAUST, NESTJS, PLAIN, SPRING, Dialect, Headers, detect
from consumer.decode.dialects.faust import wrap
from consumer.decode.trace import TraceContext, trace_context
from contract.messages import (
    CORRELATION_ID,
    DEADLINE,
    MAX_CORRELATION_ID_BYTES,
    REPLY_TO,
    REQUEST_OF_EVENT,
)

_TOPIC_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}")
_INT32_BYTES = 4
_INT32_DIGITS = 10
_MAX_DEADLINE_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Message:
    """A reply in the form that its dialect expects.

    Attributes:
        key: The record's key.
        value: A JSON object.
        headers: Each name once.
    """

    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Address:
    """Where a reply goes, and how it is written.

    Attributes:
        topic: The reply topic.
        dialect: The requester's dialect.
        correlation_id: The request's correlation id, if any.
        partition: The partition asked for, if any.
        fallback: Where to report that this address is unusable.
        trace: The request's trace context.
    """

    topic: str
    dialect: Dialect
    correlation_id: bytes | None
    partition: int | None = None
    fallback: "Address | None" = None
    trace: TraceContext = ()

    def write(self, key: bytes | None, value: bytes, error: bytes | None = None) -> Message:
        """The reply to a request.

        Args:
            key: The request's key.
            value: The reply, a JSON object.
            error: The error as JSON, for an error reply.
        """
        if self.dialect.in_envelope:
            return Message(None, wrap(value, key, self.correlation_id), list(self.trace))
        headers = list(self.dialect.constant)
        if self.correlation_id is not None:
            headers.insert(0, (self.dialect.correlation_id, self.correlation_id))
        if error is not None and self.dialect.error is not None:
            headers.append((self.dialect.error, error))
        headers += self.trace
        return Message(key, value, headers)


class BadAddressError(Exception):
    """The reply address cannot be used.

    Attributes:
        detail: What is wrong with it.
        fallback: Where to report it, if the request has a correlation id.
    """

    def __init__(self, detail: str, fallback: Address | None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fallback = fallback


def find_address(
    headers: Headers, *, default_topic: str, allowed: Callable[[str], bool]
) -> Address:
    """The address that a request names.

    Args:
        headers: The request's headers.
        default_topic: The reply topic if the request has only a correlation id.
        allowed: Whether a topic may be replied to.

    Raises:
        BadAddressError: There is none, or it cannot be used.
    """
    last = dict(headers)
    dialect = detect(last) or PLAIN
    correlation_id = last.get(dialect.correlation_id)
    _check_id(dialect, correlation_id)
    trace = trace_context(headers)
    fallback = None
    if correlation_id:
        fallback = Address(default_topic, dialect, correlation_id, trace=trace)
    if not last.get(dialect.reply_topic):
        if fallback is None:
            raise BadAddressError(f"neither {REPLY_TO} nor {CORRELATION_ID} is given", None)
        return fallback
    topic = _topic(last[dialect.reply_topic] or b"", dialect)
    if topic is None:
        raise BadAddressError(f"{dialect.reply_topic} is not a topic name", fallback)
    if not allowed(topic):
        raise BadAddressError(
            f"{dialect.reply_topic} names a topic that replies may not go to", fallback
        )
    address = Address(topic, dialect, correlation_id, fallback=fallback, trace=trace)
    number = last.get(dialect.reply_partition) if dialect.reply_partition else None
    if number is None:
        return address
    partition = _partition(number)
    if partition is None:
        raise BadAddressError(f"{dialect.reply_partition} is not a partition number", fallback)
    return replace(address, partition=partition)


def find_reply_headers(headers: Headers, *, default_topic: str) -> list[tuple[str, bytes]]:
    """The headers that make an event ask for an acknowledgement where this request did.

    The request's trace context goes on with them.
    """
    last = dict(headers)
    dialect = detect(last)
    if dialect is None:
        dialect = PLAIN
        last[REPLY_TO] = default_topic.encode()
    names = (dialect.correlation_id, dialect.reply_topic, dialect.reply_partition)
    asking = [(name, value) for name in names if name and (value := last.get(name)) is not None]
    return [*asking, *trace_context(headers)]


def is_of_request(headers: Headers) -> bool:
    """Whether the event was forwarded from a request."""
    return any(name == REQUEST_OF_EVENT for name, _ in headers)


def find_deadline(headers: Headers) -> int | None:
    """The deadline in milliseconds since the epoch; None if absent or not a number."""
    deadline = dict(headers).get(DEADLINE)
    if deadline is None or not deadline.isdigit() or len(deadline) > _MAX_DEADLINE_DIGITS:
        return None
    return int(deadline)


def _check_id(dialect: Dialect, correlation_id: bytes | None) -> None:
    name = dialect.correlation_id
    if correlation_id is None:
        return
    if len(correlation_id) > MAX_CORRELATION_ID_BYTES:
        raise BadAddressError(f"{name} has more than {MAX_CORRELATION_ID_BYTES} bytes", None)
    if dialect is FAUST:
        try:
            correlation_id.decode()
        except UnicodeDecodeError:  # its envelope has no room for raw bytes
            raise BadAddressError(f"{name} is not UTF-8", None) from None


def _topic(raw: bytes, dialect: Dialect) -> str | None:
    """A reply topic's name; some of Spring's senders write it as a JSON string."""
    name = raw.decode(errors="replace")
    if dialect in (SPRING, NESTJS) and name.startswith('"'):
        name = name[1:-1] if name.endswith('"') else ""
    return name if _TOPIC_NAME.fullmatch(name) else None


def _partition(raw: bytes) -> int | None:
    """Four bytes that begin with a zero byte, or decimal digits: no value is both."""
    if len(raw) == _INT32_BYTES and raw.startswith(b"\0"):
        return int.from_bytes(raw, "big")
    if not raw.isdigit() or len(raw) > _INT32_DIGITS:
        return None
    return int(raw)
