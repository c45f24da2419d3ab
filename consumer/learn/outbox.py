"""Records that are sent until Kafka has acknowledged them; they wait within a bound of bytes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import monotonic

import structlog
from kafka.errors import KafkaError

from consumer.client import Future, Producer

OVERHEAD_BYTES = 2000
"""What a record takes beside its value and headers, here and in the producer."""

SETTLE_SECONDS = 5.0
"""How long a checkpoint waits for them to be acknowledged."""

log = structlog.get_logger()


@dataclass(slots=True)
class Letter:
    """A record until it is acknowledged."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    future: Future | None = None

    @property
    def size(self) -> int:
        """Bytes that it takes, about; the producer has a copy beside it."""
        headers = sum(len(value) for _, value in self.headers)
        return OVERHEAD_BYTES + 2 * (headers + len(self.value or b""))


class Outbox:
    """The way out to one topic.

    Args:
        producer: Sends; ``send`` never blocks.
        topic: The topic.
        buffer_bytes: What may wait to be acknowledged before no more records should be read.
        what: What they are, in words.
        failed: Called each time that Kafka did not take one.
    """

    def __init__(
        self,
        producer: Producer,
        topic: str,
        buffer_bytes: int,
        what: str,
        failed: Callable[[], None],
    ) -> None:
        self._producer = producer
        self._topic = topic
        self._what = what
        self._failed = failed
        self._buffer_bytes = buffer_bytes
        self._bytes = 0
        self._unsettled: list[Letter] = []
        self._barred = False  # one could not be sent in this pass
        self._late = False  # the last pass has waited in vain
        self._told = False

    def post(self, letters: Iterable[Letter]) -> None:
        """Send these; never blocks."""
        self._barred = False
        for letter in letters:
            self._unsettled.append(letter)
            self._bytes += letter.size
            self._post(letter)

    @property
    def full(self) -> bool:
        """Whether so much waits to be acknowledged that no more records should be read."""
        return self._bytes >= self._buffer_bytes

    def settle(self, timeout_seconds: float) -> bool:
        """Wait until all are acknowledged, send again what failed; whether none is left.

        No position counts as done before the records up to it are. Where one cannot be sent, as
        while the topic is not there, the others are not tried in this pass; and where one pass has
        waited in vain, the next ones do not wait: there is other work to do.
        """
        deadline = monotonic() + (0.0 if self._late else timeout_seconds)
        self._barred = False
        left = [letter for letter in self._unsettled if not self._is_settled(letter, deadline)]
        self._unsettled = left
        self._bytes = sum(letter.size for letter in left)
        self._late = bool(left) and monotonic() >= deadline
        if self._told and not left:
            log.info("delivered again", what=self._what)
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
            log.warning("not delivered; they wait", what=self._what, error=repr(error))
        self._told = True


class Outboxes:
    """Several, as one: a position is done when all of them are settled."""

    def __init__(self, *each: Outbox) -> None:
        self._each = each

    @property
    def full(self) -> bool:
        """Whether one of them is."""
        return any(outbox.full for outbox in self._each)

    def settle(self, timeout_seconds: float) -> bool:
        """Settle each of them; whether nothing is left."""
        settled = [outbox.settle(timeout_seconds) for outbox in self._each]
        return all(settled)
