"""The five request/reply dialects, as defined in their clients' sources."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from contract.messages import (
    CONTENT_TYPE,
    CORRELATION_ID,
    FAUST_CORRELATION_ID,
    FAUST_REPLY_TO,
    JSON_CONTENT,
    KAFKA_CORRELATION_ID,
    KAFKA_REPLY_PARTITION,
    KAFKA_REPLY_TOPIC,
    NEST_ERROR,
    NEST_IS_DISPOSED,
    REPLY_TO,
    SMALLRYE_CORRELATION_ID,
    SMALLRYE_ERROR,
    SMALLRYE_REPLY_PARTITION,
    SMALLRYE_REPLY_TOPIC,
)

Headers = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Dialect:
    """The headers that a family of clients sends and expects back.

    Attributes:
        reply_topic: The request's header that names the reply topic; its presence marks a request.
        correlation_id: The header of the id, in the request and in the reply.
        reply_partition: The request's header that names the partition of the reply topic, if any.
        constant: Headers of every reply.
        error: The header that repeats the error in an error reply, if any.
        in_envelope: Whether a reply is an envelope, which holds the id (faust.py).
    """

    reply_topic: str
    correlation_id: str
    reply_partition: str | None = None
    constant: tuple[tuple[str, bytes], ...] = ()
    error: str | None = None
    in_envelope: bool = False


PLAIN = Dialect(REPLY_TO, CORRELATION_ID, constant=((CONTENT_TYPE, JSON_CONTENT),))
SPRING = Dialect(KAFKA_REPLY_TOPIC, KAFKA_CORRELATION_ID, KAFKA_REPLY_PARTITION)
NESTJS = replace(SPRING, constant=((NEST_IS_DISPOSED, b"\0"),), error=NEST_ERROR)
SMALLRYE = Dialect(
    SMALLRYE_REPLY_TOPIC, SMALLRYE_CORRELATION_ID, SMALLRYE_REPLY_PARTITION, error=SMALLRYE_ERROR
)
FAUST = Dialect(FAUST_REPLY_TO, FAUST_CORRELATION_ID, in_envelope=True)

_IN_ORDER = (SPRING, SMALLRYE, FAUST, PLAIN)


def detect(last: Mapping[str, bytes | None]) -> Dialect | None:
    """The dialect of a request that names a reply topic, by its headers' last values."""
    for dialect in _IN_ORDER:
        if last.get(dialect.reply_topic):
            # NestJS took Spring's names; it alone writes the partition as text, and always does.
            partition = last.get(KAFKA_REPLY_PARTITION) or b""
            return NESTJS if dialect is SPRING and partition.isdigit() else dialect
    return None


def wants_reply(headers: Headers) -> bool:
    """Whether an event asks for an acknowledgement (FastStream sends an id with every record)."""
    return bool(headers) and detect(dict(headers)) is not None
