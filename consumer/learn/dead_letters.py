"""Refused events out, to the dead-letter topic: the original, its origin and the reason."""

import hashlib
from collections.abc import Callable, Iterator, Sequence

from consumer.client import Producer
from consumer.decode import trace_context
from consumer.decode.dialects import Headers
from consumer.learn.outbox import Letter, Outbox
from consumer.model import RejectedRecord
from contract.messages import (
    DEAD_LETTER_BYTES,
    DEAD_LETTER_VERSION,
    KEPT_HEADER,
    KEPT_HEADERS_BYTES,
)


class DeadLetters(Outbox):
    """The way out for refused events: each is sent until it is acknowledged.

    Args:
        producer: For dead letters.
        topic: The dead-letter topic.
        buffer_bytes: What may wait to be acknowledged before no more records should be read.
        application: The APPLICATION_ID, which each letter says.
        failed: Called each time that Kafka did not take a letter.
    """

    def __init__(
        self,
        producer: Producer,
        topic: str,
        buffer_bytes: int,
        application: str,
        failed: Callable[[], None],
    ) -> None:
        super().__init__(producer, topic, buffer_bytes, "dead letters", failed)
        self._application = application

    def send(self, origin: str, partition: int, refused: Sequence[RejectedRecord]) -> None:
        """Send a dead letter for each record refused from a partition of the topic ``origin``."""
        self.post(write_letter(self._application, origin, partition, it) for it in refused)


def write_letter(application: str, origin: str, partition: int, event: RejectedRecord) -> Letter:
    """The dead letter of a refused event, with ``contract.messages.DEAD_LETTER_HEADERS``."""
    record = event.record
    headers = [
        ("riverline.version", DEAD_LETTER_VERSION),
        ("riverline.application", application.encode()),
        ("riverline.reason", event.why.reason.encode()),
        ("riverline.detail", event.why.detail.encode(errors="replace")),
        ("riverline.topic", origin.encode()),
        ("riverline.partition", str(partition).encode()),
        ("riverline.offset", str(record.offset).encode()),
        ("riverline.timestamp", str(record.timestamp).encode()),
    ]
    if record.key is not None:
        headers.append(("riverline.key", record.key[:DEAD_LETTER_BYTES]))
    value = record.value
    if value is not None:
        headers.append(("riverline.length", str(len(value)).encode()))
        headers.append(("riverline.sha256", hashlib.sha256(value).hexdigest().encode()))
        value = value[:DEAD_LETTER_BYTES]
    headers += trace_context(record.headers)
    headers += _kept(record.headers)
    return Letter(f"{origin}-{partition}-{record.offset}".encode(), value, headers)


def _kept(headers: Headers) -> Iterator[tuple[str, bytes]]:
    """The original's headers, as many of the first as fit."""
    left = KEPT_HEADERS_BYTES
    for name, content in headers:
        left -= len(name) + len(content or b"")
        if left < 0:
            return
        yield KEPT_HEADER + name, content or b""
