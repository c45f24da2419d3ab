"""The short way out: replies written by the I/O thread that fetched their requests.

kafka-python's consumer and producer each have a thread for their sockets. A reply that is handed
to the producer waits for that thread, which waits for the interpreter, beside a learner that never
lets go of it by itself. Here the plain case needs no change of thread: the leader of the reply's
partition is known and connected. Everything else (another leader, an outage, a reply that is too
large) is the producer's, which knows what to do.
"""

import threading
import time
from collections import Counter
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

from kafka import TopicPartition
from kafka.errors import KafkaError
from kafka.net.manager import KafkaConnectionManager
from kafka.protocol.producer import ProduceRequest
from kafka.record.default_records import DefaultRecordBatchBuilder

from consumer.client.internals.metadata import forget_what_is_gone
from consumer.client.partitioner import round_the_leaderless
from consumer.client.protocols import NO_LEADER, Consumer
from consumer.client.timeouts import REPLIES_METADATA_MAX_AGE_MS, REQUEST_TIMEOUT_MS
from consumer.decode.dialects import Message
from consumer.settings import Settings
from contract.kafka import never_create_topics

BATCH_BYTES = 900_000
BOOTSTRAP_MS = 2000
MAX_IN_FLIGHT = 4  # to each broker; one less than what the client pauses at
MAX_VERSION = 9  # as the client's own producer asks

_Topic: Any = ProduceRequest.TopicProduceData


class Arrived(Protocol):
    """Told in the I/O thread what became of a message."""

    def __call__(self, *, delivered: bool) -> None:
        """Kafka has it, or else it is to be sent in another way."""


class Parcel(NamedTuple):
    """A message that is about to leave."""

    message: Message
    arrived: Arrived


class DirectProducer:
    """A connection for replies, served by the I/O thread of the consumer of the requests.

    Args:
        consumer: Of the requests topic.
        settings: Where Kafka is, and how it lets us in.

    Raises:
        KafkaError: Kafka is not there, or does not let us in.
    """

    def __init__(self, consumer: Consumer, settings: Settings) -> None:
        self._net: Any = getattr(consumer, "_net")
        self._manager = KafkaConnectionManager(
            self._net,
            **settings.client_options(),
            client_id=f"{settings.application_id}-lane-{settings.member}",
            metadata_max_age_ms=REPLIES_METADATA_MAX_AGE_MS,
        )
        self._cluster = self._manager.cluster
        never_create_topics(self._cluster)
        self._cluster.add_listener(forget_what_is_gone)
        self._manager.bootstrap(BOOTSTRAP_MS)
        self._waiting: dict[TopicPartition, list[Parcel]] = {}
        self._in_flight: Counter[int] = Counter()

    def close(self) -> None:
        """Close the connection; what is on its way is not waited for."""
        self._net.run(self._manager.close)

    def send(self, topic: str, partition: int | None, message: Message, arrived: Arrived) -> bool:
        """Take a message that is to ``leave``, or don't: only the I/O thread's are taken.

        Args:
            topic: One that exists.
            partition: Of the topic; None: the key's, or any.
            message: To be sent.
            arrived: Told what became of it, unless False is returned.
        """
        if not self._is_here():
            return False
        if not self._cluster.partitions_for_topic(topic):
            self._cluster.add_topic(topic)  # for the next one
            return False
        if partition is None:
            partition = round_the_leaderless.partition(
                topic, None, message.key, None, message.value, self._cluster
            )
        at = TopicPartition(topic, partition)
        self._waiting.setdefault(at, []).append(Parcel(message, arrived))
        return True

    def flush(self) -> None:
        """Send what was taken, a batch for each partition, or as soon as there is room for it."""
        if not self._is_here():
            return
        for at in list(self._waiting):
            leader = self._leader(at)
            if self._in_flight[leader] >= MAX_IN_FLIGHT:
                continue  # one that does not answer holds up no other
            parcels = self._waiting.pop(at, [])  # to be told may have sent them meanwhile
            connection = self._connection(leader) if parcels else None
            records, packed = (b"", 0) if connection is None else _batch(parcels)
            _tell(parcels[packed:], delivered=False)
            if connection is not None:
                self._in_flight[leader] += 1
                sent = connection.send_request(
                    _request(at, records), request_timeout_ms=REQUEST_TIMEOUT_MS
                )
                sent.add_callback(self._answered, leader, parcels[:packed])
                sent.add_errback(self._failed, leader, parcels[:packed])

    def _is_here(self) -> bool:
        return threading.current_thread() is self._net._io_thread

    def _leader(self, at: TopicPartition) -> int:
        leader: int | None = self._cluster.leader_for_partition(at)
        return NO_LEADER if leader is None else leader

    def _connection(self, leader: int) -> Any:  # noqa: ANN401 - kafka-python's
        """The open connection to the leader; None: there is none now, and it is asked for."""
        if leader == NO_LEADER:
            self._cluster.request_update()
            return None
        with suppress(KafkaError):  # it was lost a moment ago, or does not let us in
            connection = self._manager.get_connection(leader)
            if connection.connected and not connection.paused:
                return connection
        return None

    def _answered(self, leader: int, parcels: list[Parcel], response: Any) -> None:  # noqa: ANN401
        refused = bool(response.responses[0].partition_responses[0].error_code)
        if refused:
            self._cluster.request_update()
        self._settle(leader, parcels, delivered=not refused)

    def _failed(self, leader: int, parcels: list[Parcel], _error: BaseException) -> None:
        self._settle(leader, parcels, delivered=False)

    def _settle(self, leader: int, parcels: list[Parcel], *, delivered: bool) -> None:
        self._in_flight[leader] -= 1
        _tell(parcels, delivered=delivered)
        self.flush()


def _batch(parcels: list[Parcel]) -> tuple[bytes, int]:
    """A record batch, and how many had room in it (one always has)."""
    batch = DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, BATCH_BYTES)  # noqa: FBT003
    now_ms = int(time.time() * 1000)
    for number, (message, _) in enumerate(parcels):
        if batch.append(number, now_ms, message.key, message.value, message.headers) is None:
            return bytes(batch.build()), number
    return bytes(batch.build()), len(parcels)


def _request(at: TopicPartition, records: bytes) -> Any:  # noqa: ANN401
    partitions = [_Topic.PartitionProduceData(index=at.partition, records=records)]
    return ProduceRequest(
        transactional_id=None,
        acks=-1,
        timeout_ms=REQUEST_TIMEOUT_MS,
        topic_data=[_Topic(name=at.topic, partition_data=partitions)],
        min_version=3,
        max_version=MAX_VERSION,
    )


def _tell(parcels: list[Parcel], *, delivered: bool) -> None:
    for parcel in parcels:
        parcel.arrived(delivered=delivered)
