"""Events sent as requests, on their way to the events topic: there the learner finds them."""

from dataclasses import dataclass

import structlog
from kafka.errors import KafkaError

from consumer.client import Producer

log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class Forward:
    """An event on its way.

    Attributes:
        settled: Whether Kafka has it, or is known never to have it.
    """

    settled: bool = False

    def arrived(self, _metadata: object) -> None:
        """Kafka has it."""
        self.settled = True

    def missed(self, error: BaseException) -> None:
        """Kafka has it not; whoever sent it gets no acknowledgement."""
        log.warning("event of a request not delivered", error=repr(error))
        self.settled = True


class Forwards:
    """The way to the events topic.

    Args:
        producer: For these events only.
        topic: The events topic.
    """

    def __init__(self, producer: Producer, topic: str) -> None:
        self._producer = producer
        self._topic = topic

    def send(self, value: bytes, key: bytes | None, headers: list[tuple[str, bytes]]) -> Forward:
        """Send an event with the headers that ask for its acknowledgement."""
        forward = Forward()
        try:
            future = self._producer.send(self._topic, value=value, key=key, headers=headers)
        except KafkaError as error:
            forward.missed(error)
            return forward
        future.add_callback(forward.arrived)
        future.add_errback(forward.missed)
        return forward
