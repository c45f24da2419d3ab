"""Events sent as requests, on their way to the events topic: there the learner finds them.

All go to partition 0 of the events topic, which the topic's growth does not move: what is sent
again after a crash arrives where it did before, and the learner of that partition knows it again.
`learn` by request is for single events; a storm of them goes to the events topic itself.

Each says which request it was, and nothing in it depends on when or where it is sent: sent again,
it is the same to the last byte. The learner remembers the last 5,000 of them, so the number that
is sent on and not committed yet is bounded.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import structlog
from kafka import TopicPartition
from kafka.errors import KafkaError

from consumer.client import Producer
from consumer.decode import Record, RequestError
from consumer.respond.byte_budget import ByteBudget
from consumer.respond.positions import Sent
from contract.messages import REQUEST_OF_EVENT, ErrorCode

EVENTS_PARTITION = 0
MAX_UNCOMMITTED = 500
"""Events that a crash may send on again, over all partitions of the requests topic: a tenth of what
the learner of EVENTS_PARTITION remembers, for others go on sending until they are sent again."""
BUFFER_BYTES = 16 * 1024 * 1024
"""What events on their way may take, and the same again in the producer."""

log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class Forward:
    """An event on its way.

    Attributes:
        arrived: Whether Kafka has it.
        refusal: The error reply in place of an acknowledgement, where Kafka did not confirm it.
    """

    arrived: bool = False
    refusal: Sent | None = None

    @property
    def settled(self) -> bool:
        """Whether Kafka has it, or else whoever sent it was told."""
        return self.arrived or (self.refusal is not None and self.refusal.settled)


class Forwards:
    """The way to the events topic.

    Args:
        producer: For these events only, one request in flight: a retry must not overtake.
        topic: The events topic.
        requests_id: Tells which topic of the requests topic's name the requests are in.
        partitions: How many partitions that has.
    """

    def __init__(
        self, producer: Producer, topic: str, requests_id: Callable[[], str], partitions: int
    ) -> None:
        self._producer = producer
        self._topic = topic
        self._requests_id = requests_id
        self._room = ByteBudget(BUFFER_BYTES)
        self.divide(partitions)

    def divide(self, partitions: int) -> None:
        """Share MAX_UNCOMMITTED out among so many partitions of the requests topic."""
        self._share = max(1, MAX_UNCOMMITTED // partitions)

    def is_half_full(self, uncommitted: int) -> bool:
        """Whether a partition with so many should be committed soon."""
        return 2 * uncommitted >= self._share

    def send(  # noqa: PLR0913
        self,
        value: bytes,
        record: Record,
        at: TopicPartition,
        headers: Sequence[tuple[str, bytes]],
        *,
        uncommitted: int,
        arrived: Callable[[], None],
        refuse: Callable[[RequestError], Sent],
    ) -> Forward:
        """Send the event of a request, with headers that ask for an acknowledgement; never blocks.

        Args:
            value: The event.
            record: The request.
            at: Its partition.
            headers: Those that ask.
            uncommitted: How many of the partition's requests were sent on and are not committed.
            arrived: Called when Kafka has it.
            refuse: Called when Kafka does not confirm it: sends an error reply.

        Raises:
            RequestError: It cannot be sent now.
        """
        if uncommitted >= self._share:
            raise _not_learned(f"{uncommitted} events sent as requests are not committed yet")
        size = len(value) + len(record.key or b"")
        if not self._room.take(size):
            raise _not_learned("too many events sent as requests are on their way")
        forward = Forward()
        try:
            future = self._producer.send(
                self._topic,
                value=value,
                key=record.key,
                headers=[*headers, (REQUEST_OF_EVENT, self._name(record, at))],
                partition=EVENTS_PARTITION,
            )
        except (KafkaError, ValueError) as error:
            self._room.give_back(size)
            raise _not_learned(f"Kafka does not take it ({type(error).__name__})") from error
        future.add_callback(partial(self._arrived, forward, size, arrived))
        future.add_errback(partial(self._missed, forward, size, refuse))
        return forward

    def _name(self, record: Record, at: TopicPartition) -> bytes:
        """Of the request: no other has it, not even one of a topic that was made again."""
        topic_id = self._requests_id()
        return f"{topic_id}-{at.partition}:{record.offset}:{record.timestamp}".encode()

    def _arrived(
        self, forward: Forward, size: int, arrived: Callable[[], None], _metadata: object
    ) -> None:
        self._room.give_back(size)
        forward.arrived = True
        arrived()

    def _missed(
        self,
        forward: Forward,
        size: int,
        refuse: Callable[[RequestError], Sent],
        error: BaseException,
    ) -> None:
        log.warning("event of a request not delivered", error=repr(error))
        self._room.give_back(size)
        said = f"Kafka did not confirm the event ({type(error).__name__}): it may not be learned"
        forward.refusal = refuse(RequestError(ErrorCode.NOT_LEARNED, said))


def _not_learned(reason: str) -> RequestError:
    return RequestError(
        ErrorCode.NOT_LEARNED, f"the event was not learned: {reason}; send it again"
    )
