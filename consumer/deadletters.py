"""Refused events out, to the dead-letter topic: the original, its origin and the reason."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

import structlog
from kafka.errors import KafkaError

from consumer.client import Future, Producer
from consumer.partition import Refused
from contract.messages import DEAD_LETTER_BYTES, DEAD_LETTER_VERSION

MAX_UNSETTLED = 10_000

log = structlog.get_logger()


@dataclass(slots=True)
class Letter:
    """A dead letter until it is acknowledged."""

    key: bytes
    value: bytes | None
    headers: list[tuple[str, bytes]]
    future: Future | None = None


class DeadLetters:
    """The way out for refused events: each is sent until it is acknowledged.

    Args:
        producer: For dead letters.
        topic: The dead-letter topic.
    """

    def __init__(self, producer: Producer, topic: str) -> None:
        self._producer = producer
        self._topic = topic
        self._unsettled: list[Letter] = []

    def send(self, origin: str, partition: int, refused: Sequence[Refused]) -> None:
        """Send a dead letter for each record refused from a partition of the topic ``origin``."""
        for event in refused:
            letter = write_letter(origin, partition, event)
            self._unsettled.append(letter)
            self._post(letter)

    @property
    def full(self) -> bool:
        """Whether so many wait to be acknowledged that no more records should be read."""
        return len(self._unsettled) >= MAX_UNSETTLED

    def settle(self, timeout_seconds: float) -> bool:
        """Wait until all are acknowledged, send again what failed; whether none is left.

        No position counts as done before the dead letters up to it are.
        """
        deadline = monotonic() + timeout_seconds
        left = []
        for letter in self._unsettled:
            try:
                if letter.future is not None:
                    letter.future.get(timeout=max(0.0, deadline - monotonic()))
                    continue
            except KafkaError as error:
                if letter.future is not None and not letter.future.is_done:
                    left.append(letter)  # still on its way
                    continue
                log.warning("dead letter not delivered, sent again", error=repr(error))
            self._post(letter)
            left.append(letter)
        self._unsettled = left
        return not left

    def _post(self, letter: Letter) -> None:
        letter.future = None
        try:
            letter.future = self._producer.send(
                self._topic, key=letter.key, value=letter.value, headers=letter.headers
            )
        except KafkaError as error:
            log.warning("dead letter not sent, will be sent again", error=repr(error))


def write_letter(origin: str, partition: int, event: Refused) -> Letter:
    """The dead letter of a refused event, with ``contract.messages.DEAD_LETTER_HEADERS``."""
    record = event.record
    headers = [
        ("riverline.version", DEAD_LETTER_VERSION),
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
    return Letter(f"{origin}-{partition}-{record.offset}".encode(), value, headers)
