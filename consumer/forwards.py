"""Events sent as requests, on their way to the events topic: there the learner finds them.

Each is sent to the events partition that goes with its requests partition, in order, and says which
request it was: so a request that is answered again after a crash is not learned again.
"""

from collections.abc import Callable
from dataclasses import dataclass

import structlog
from kafka import TopicPartition
from kafka.errors import KafkaError

from consumer.client import Producer
from consumer.partition import Record
from contract.messages import REQUEST_OF_EVENT

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
        producer: For these events only, one request in flight: a retry must not overtake.
        topic: The events topic.
        partitions: How many it has.
        requests_id: Tells which topic of the requests topic's name the requests are in.
    """

    def __init__(
        self, producer: Producer, topic: str, partitions: int, requests_id: Callable[[], str]
    ) -> None:
        self._producer = producer
        self._topic = topic
        self._partitions = partitions
        self._requests_id = requests_id

    def send(
        self, value: bytes, record: Record, at: TopicPartition, headers: list[tuple[str, bytes]]
    ) -> Forward:
        """Send the event of a request, with headers that ask for an acknowledgement."""
        source = f"{self._requests_id()}-{at.partition}:{record.offset}".encode()
        forward = Forward()
        try:
            future = self._producer.send(
                self._topic,
                value=value,
                key=record.key,
                headers=[*headers, (REQUEST_OF_EVENT, source)],
                partition=at.partition % self._partitions,
            )
        except KafkaError as error:
            forward.missed(error)
            return forward
        future.add_callback(forward.arrived)
        future.add_errback(forward.missed)
        return forward
