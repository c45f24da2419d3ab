"""A request's headers in; where and how to answer out. Pure.

A requester is answered in the dialect it asked in. Rules: of a repeated header the last counts;
a correlation id's bytes are echoed and never decoded; no header of the request but its
correlation id is copied to the reply.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from contract.messages import (
    CONTENT_TYPE,
    CORRELATION_ID,
    DEADLINE,
    JSON_CONTENT,
    MAX_CORRELATION_ID_BYTES,
    REPLY_TO,
    REQUEST_OF_EVENT,
)

Headers = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Address:
    """Where an answer goes.

    Attributes:
        topic: The reply topic.
        headers: The headers that the answer carries.
        partition: The partition asked for, if any.
        fallback: Where the requester can be told that this address leads nowhere.
    """

    topic: str
    headers: tuple[tuple[str, bytes], ...]
    partition: int | None = None
    fallback: "Address | None" = None


class BadAddressError(Exception):
    """The reply address cannot be used.

    Attributes:
        detail: What is wrong with it.
        fallback: Where the requester can be told, if its id is known.
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
        headers: The request's.
        default_topic: Where the answer goes when only an id is given.
        allowed: Whether a topic may be replied to.

    Raises:
        BadAddressError: There is none, or it is not to be used.
    """
    last = dict(headers)
    correlation_id = last.get(CORRELATION_ID)
    if correlation_id is not None and len(correlation_id) > MAX_CORRELATION_ID_BYTES:
        raise BadAddressError(
            f"a {CORRELATION_ID} of more than {MAX_CORRELATION_ID_BYTES} bytes", None
        )
    reply_to = last.get(REPLY_TO)
    if not reply_to:
        if not correlation_id:
            raise BadAddressError(f"neither {REPLY_TO} nor {CORRELATION_ID}: nobody waits", None)
        return _plain(default_topic, correlation_id)
    fallback = _plain(default_topic, correlation_id) if correlation_id else None
    try:
        topic = reply_to.decode()
    except UnicodeDecodeError:
        raise BadAddressError(f"{REPLY_TO} is not UTF-8", fallback) from None
    if not allowed(topic):
        raise BadAddressError(f"{REPLY_TO} names a topic that no reply may go to", fallback)
    return replace(_plain(topic, correlation_id), fallback=fallback)


def find_reply_headers(headers: Headers, *, default_topic: str) -> list[tuple[str, bytes]]:
    """The headers that make an event ask for an acknowledgement where this request did."""
    last = dict(headers)
    found = {name: last[name] for name in (CORRELATION_ID, REPLY_TO) if last.get(name)}
    found.setdefault(REPLY_TO, default_topic.encode())
    return [(name, value) for name, value in found.items() if value is not None]


def wants_reply(headers: Headers) -> bool:
    """Whether an event asks for an acknowledgement (FastStream sends an id with every record)."""
    return bool(headers) and bool(dict(headers).get(REPLY_TO))


def find_request(headers: Headers) -> tuple[str, int] | None:
    """Which request an event came as: the requests partition and the offset in it."""
    source, _, offset = (dict(headers).get(REQUEST_OF_EVENT) or b"").rpartition(b":")
    if not source or not offset.isdigit() or len(offset) > len(str(2**63)):
        return None
    return source.decode(errors="replace"), int(offset)


def is_expired(headers: Headers, *, now_ms: float) -> bool:
    """Whether the request's deadline has passed; one that is no decimal number is none."""
    deadline = dict(headers).get(DEADLINE)
    if deadline is None or not deadline.isdigit() or len(deadline) > 16:  # noqa: PLR2004 - ms
        return False
    return int(deadline) < now_ms


def _plain(topic: str, correlation_id: bytes | None) -> Address:
    headers: tuple[tuple[str, bytes], ...] = ((CONTENT_TYPE, JSON_CONTENT),)
    if correlation_id is not None:
        headers = ((CORRELATION_ID, correlation_id), *headers)
    return Address(topic, headers)
