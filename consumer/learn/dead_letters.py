"""Refused events out, to the dead-letter topic: the original, its origin and the reason."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import monotonic

import structlog
from kafka.errors import KafkaError

from consumer.client import Future, Producer
from consumer.decode import trace_context
from consumer.decode.dialects import Headers
from consumer.model import Refused
from contract.messages import (
    DEAD_LETTER_BYTES,
    DEAD_LETTER_VERSION,
    KEPT_HEADER,
    KEPT_HEADERS_BYTES,
)

OVERHEAD_BYTES = 2000
"""What a letter takes beside its value and headers, here and in the producer."""

SETTLE_SECONDS = 5.0
"""How long a checkpoint waits for dead letters to be acknowledged."""

log = structlog.get_logger()


@dataclass(slots=True)
class Letter:
    """A dead letter until it is acknowledged."""

    key: bytes
    value: bytes | None
    headers: list[tuple[str, bytes]]
    future: Future | None = None

    @property
    def size(self) -> int:
        """Bytes that it takes, about; the producer has a copy beside it."""
        headers = sum(len(value) for _, value in self.headers)
        return OVERHEAD_BYTES + 2 * (headers + len(self.value or b""))


class DeadLetters:
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
        self._producer = producer
        self._topic = topic
        self._application = application
        self._failed = failed
        self._buffer_bytes = buffer_bytes
        self._bytes = 0
        self._unsettled: list[Letter] = []
        self._barred = False  # one could not be sent in this pass
        self._late = False  # the last pass has waited in vain
        self._told = False

    def send(self, origin: str, partition: int, refused: Sequence[Refused]) -> None:
        """Send a dead letter for each record refused from a partition of the topic ``origin``."""
        self._barred = False
        for event in refused:
            letter = write_letter(self._application, origin, partition, event)
            self._unsettled.append(letter)
            self._bytes += letter.size
            self._post(letter)

    @property
    def full(self) -> bool:
        """Whether so much waits to be acknowledged that no more records should be read."""
        return self._bytes >= self._buffer_bytes

    def settle(self, timeout_seconds: float) -> bool:
        """Wait until all are acknowledged, send again what failed; whether none is left.

        No position counts as done before the dead letters up to it are. Where one cannot be sent,
        as while their topic is not there, the others are not tried in this pass; and where one pass
        has waited in vain, the next ones do not wait: there is other work to do.
        """
        deadline = monotonic() + (0.0 if self._late else timeout_seconds)
        self._barred = False
        left = [letter for letter in self._unsettled if not self._is_settled(letter, deadline)]
        self._unsettled = left
        self._bytes = sum(letter.size for letter in left)
        self._late = bool(left) and monotonic() >= deadline
        if self._told and not left:
            log.info("dead letters are delivered again")
            self._told = False
        return not left

    def _is_settled(self, letter: Letter, deadline: float) -> bool:
        """Whether it is acknowledged; what has failed, or never left, is sent now."""
        future = letter.future
        if future is not None:
            try:
                future.get(timeout=max(0.0, deadline - monotonic()))
            except KafkaError as error:
                if not future.is_done:
                    return False
                self._tell(error)
            else:
                return True
        self._post(letter)
        return False

    def _post(self, letter: Letter) -> None:
        letter.future = None
        if self._barred:
            return
        try:
            letter.future = self._producer.send(
                self._topic, key=letter.key, value=letter.value, headers=letter.headers
            )
        except (KafkaError, ValueError) as error:  # ValueError: it went between two looks for it
            self._barred = True
            self._tell(error)

    def _tell(self, error: Exception) -> None:
        self._failed()
        if not self._told:
            log.warning("dead letters are not delivered; they wait", error=repr(error))
        self._told = True


def write_letter(application: str, origin: str, partition: int, event: Refused) -> Letter:
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
