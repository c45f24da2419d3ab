"""Sends events; counts deliveries, reports failures and shows progress."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from time import monotonic, sleep, time
from typing import Any

import orjson
from kafka import KafkaProducer
from kafka.errors import KafkaError

from contract.environment import Environment
from contract.messages import MAX_MESSAGE_BYTES, Reason
from producer.connect import Connector
from producer.present import require_topics
from producer.progress import Bar

CONNECT_SECONDS = 10.0
MAX_AHEAD_MS = 60_000
DELIVERY_SECONDS = 120.0
"""How long events in flight wait for a partition whose leader failed."""

MAX_BYTES_ON_THE_WAY = 32 * 1024 * 1024
"""kafka-python's producers have no bound on what they buffer."""

WAIT_SECONDS = 0.005

OPTIONS = {
    "client_id": "riverline-producer",
    "acks": "all",
    "enable_idempotence": True,  # a retry neither repeats an event nor changes the order
    "linger_ms": 20,
    "batch_size": 128 * 1024,
    "max_block_ms": 15_000,
    "request_timeout_ms": 5000,
    "delivery_timeout_ms": int(DELIVERY_SECONDS * 1000),
}


@dataclass(slots=True)
class Delivery:
    """The outcome of sending.

    Attributes:
        acknowledged: Events that Kafka has.
        unconfirmed: Events that it did not acknowledge: they may or may not be there.
        unsent: Events that were not sent: too large, or Kafka had refused one before.
        reasons: Kinds of failure, with an example each.
        refused: Whether Kafka refused an event: then the producer sends no more.
        positions: By partition, the offset after the last acknowledged event: what to ask with
            (``PredictionClient.predict``, ``after``).
    """

    acknowledged: int = 0
    unconfirmed: int = 0
    unsent: int = 0
    reasons: dict[str, str] = field(default_factory=dict)
    refused: bool = False
    positions: dict[int, int] = field(default_factory=dict)
    _handed: int = 0  # bytes, counted by the sending thread
    _settled: int = 0  # bytes, counted by the producer's own thread

    @property
    def bytes_on_the_way(self) -> int:
        """The bytes of events whose outcome is not known yet."""
        return self._handed - self._settled

    def hand_over(self, producer: Any, topic: str, value: bytes, timestamp_ms: int) -> None:  # noqa: ANN401
        """Send an event.

        Raises:
            KafkaError: It cannot be sent.
        """
        future = producer.send(topic, value, timestamp_ms=timestamp_ms)
        self._handed += len(value)
        future.add_callback(self._arrived, len(value))
        future.add_errback(self._missed, len(value))

    def leave_out(self, kind: str, reason: str) -> None:
        """Count an event that is not sent."""
        self.unsent += 1
        self.reasons.setdefault(kind, reason)

    def _arrived(self, size: int, metadata: Any) -> None:  # noqa: ANN401 - kafka-python's
        self.acknowledged += 1
        after = metadata.offset + 1
        self.positions[metadata.partition] = max(after, self.positions.get(metadata.partition, 0))
        self._settled += size

    def _missed(self, size: int, error: BaseException) -> None:
        self.unconfirmed += 1
        self.reasons.setdefault(type(error).__name__, str(error))
        self.refused |= not getattr(error, "retriable", False)
        self._settled += size


def send_events(
    settings: Environment, events: Iterable[dict[str, Any]], total: int, rate: float | None = None
) -> Delivery:
    """Send each event to the events topic and wait until Kafka has them all.

    A leader's failure neither loses nor repeats an event, as the producer is idempotent. Blocks; at
    most 32 MiB are in flight.

    Args:
        settings: Kafka's addresses, and the topic.
        events: JSON objects.
        total: How many there are, for the progress bar.
        rate: Events a second at most; None for as fast as Kafka takes them.

    Raises:
        TopicMissingError: The events topic does not exist.
        KafkaUnavailableError: Kafka does not answer, or does not let us in.
    """
    deadline = monotonic() + CONNECT_SECONDS
    producer, cluster = Connector(settings).open(KafkaProducer, deadline, **OPTIONS)
    delivery = Delivery()
    try:
        require_topics(cluster, [settings.events_topic], deadline)
        with Bar(total, lambda: delivery.acknowledged):
            for event, timestamp_ms in _stamped(_paced(events, rate)):
                _send(producer, settings.events_topic, orjson.dumps(event), timestamp_ms, delivery)
            _wait_until_at_most(0, delivery, DELIVERY_SECONDS + CONNECT_SECONDS)
    finally:
        producer.close(timeout=5)
    return delivery


def _send(
    producer: Any,  # noqa: ANN401 - kafka-python has no types
    topic: str,
    value: bytes,
    timestamp_ms: int,
    delivery: Delivery,
) -> None:
    if delivery.refused:
        delivery.leave_out("after that", "nothing is sent after a refusal")
        return
    if len(value) > MAX_MESSAGE_BYTES:
        delivery.leave_out(
            Reason.TOO_LARGE, f"{len(value)} bytes; the limit is {MAX_MESSAGE_BYTES}"
        )
        return
    _wait_until_at_most(MAX_BYTES_ON_THE_WAY, delivery, DELIVERY_SECONDS + CONNECT_SECONDS)
    try:
        delivery.hand_over(producer, topic, value, timestamp_ms)
    except (KafkaError, ValueError) as error:  # the topic is gone
        delivery.refused = True
        delivery.leave_out(type(error).__name__, str(error))


def _wait_until_at_most(size: int, delivery: Delivery, seconds: float) -> None:
    deadline = monotonic() + seconds
    while delivery.bytes_on_the_way > size and monotonic() < deadline:
        sleep(WAIT_SECONDS)


def _paced(events: Iterable[dict[str, Any]], rate: float | None) -> Iterator[dict[str, Any]]:
    """Yield the events at this rate."""
    if rate is None:
        yield from events
        return
    started = monotonic()
    for number, event in enumerate(events):
        ahead = started + number / rate - monotonic()
        if ahead > 0:
            sleep(ahead)
        yield event


def _stamped(events: Iterable[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield each event with a timestamp at least a millisecond after the one before.

    That records their order across partitions, which time series diagnostics need. In a long burst
    timestamps run at most a minute ahead.
    """
    last = 0
    for event in events:
        now = int(time() * 1000)
        last = min(max(now, last + 1), now + MAX_AHEAD_MS)
        yield event, last
