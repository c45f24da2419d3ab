"""Replies sent by the I/O thread that fetched their requests: part of the fast path.

kafka-python's consumer and its producer each have an I/O thread. A reply that is handed to the
producer waits until the producer's thread gets the interpreter lock, beside a learner that never
releases it on its own. Here the usual case needs no other thread: the leader of the reply's
partition is known and connected. In every other case (a new leader, an outage, a reply that is too
large) the message is refused, or reported as not delivered, and the producer sends it.
"""

import threading
import time
from collections import Counter
from contextlib import suppress
from typing import Any, NamedTuple

from kafka import TopicPartition
from kafka.errors import KafkaError
from kafka.protocol.producer import ProduceRequest
from kafka.record.default_records import DefaultRecordBatchBuilder

from consumer.client.internals.metadata import forget_what_is_gone
from consumer.client.internals.sockets import FastConnections
from consumer.client.options import (
    REPLIES_METADATA_MAX_AGE_MS,
    REQUEST_TIMEOUT_MS,
    round_the_leaderless,
)
from consumer.client.protocols import NO_LEADER, Arrived, Consumer
from consumer.decode.dialects import Message
from consumer.settings import Settings
from contract.internals.connections import never_create_topics

BATCH_BYTES = 900_000
BOOTSTRAP_MS = 2000
MAX_IN_FLIGHT = 4  # batches to each broker; kafka-python pauses a connection at 5
MAX_VERSION = 9  # of the request, as kafka-python's producer limits it

_Topic: Any = ProduceRequest.TopicProduceData


class Parcel(NamedTuple):
    """A message, and who is told what became of it."""

    message: Message
    arrived: Arrived


class DirectProducer:
    """Connections for replies, served by the I/O thread of the requests' consumer.

    To send and to flush take effect in that thread alone.

    Args:
        consumer: Of the requests topic.
        settings: Where Kafka is, and how it lets us in.

    Raises:
        KafkaError: Kafka is not there, or does not let us in.
    """

    def __init__(self, consumer: Consumer, settings: Settings) -> None:
        self._net: Any = getattr(consumer, "_net")
        self._manager = FastConnections(
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
        """Close the connections without waiting for what is in flight."""
        self._net.run(self._manager.close)

    def send(self, topic: str, partition: int | None, message: Message, arrived: Arrived) -> bool:
        """Accept a message, to be sent by the next ``flush``.

        Args:
            topic: An existing topic.
            partition: Where it goes; None: the key's partition, or any.
            message: To be sent.
            arrived: Told what became of it, if it was accepted.

        Returns:
            Whether it was accepted. It is not in another thread than the I/O thread, nor while the
            topic's metadata is not known.
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
        """Send what was accepted, one batch for each partition.

        A broker gets four batches at a time; what is beyond waits until one is acknowledged.
        """
        if not self._is_here():
            return
        for at in list(self._waiting):
            leader = self._leader(at)
            if self._in_flight[leader] >= MAX_IN_FLIGHT:
                continue  # the other brokers' batches need not wait for this one
            parcels = self._waiting.pop(at, [])  # `_tell` may have called us, and sent them
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
        """The open connection to the leader; where there is none, None, and one is opened."""
        if leader == NO_LEADER:
            self._cluster.request_update()
            return None
        with suppress(KafkaError):  # the connection is lost, or the broker refuses us
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
    """A record batch, and how many messages fit into it (the first always does)."""
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
