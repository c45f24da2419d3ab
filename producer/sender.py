"""Requests out, each to a partition that has a leader."""

import random
import threading
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

from kafka import KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from producer.connect import Cluster, Connector
from producer.present import require_topics

Headers = Sequence[tuple[str, bytes]]


class Sender:
    """A producer of requests; may be used by many threads at once.

    It never blocks, and asks again by itself for what it was not told of the topic.

    Args:
        connector: Where Kafka is.
        topic: The requests topic.
        once: A record that was handed over is in the log once or not at all, however often it is
            sent: kafka-python repeats it with a number by which the broker knows it (idempotence).
            Otherwise it is tried once, and who sends it tries again.
        seconds: How long Kafka may take to confirm a record, at most.
    """

    def __init__(self, connector: Connector, topic: str, *, once: bool, seconds: float) -> None:
        self._connector = connector
        self._topic = topic
        self._options = {
            "acks": "all",
            "linger_ms": 0,
            "max_block_ms": 0,
            "enable_idempotence": once,
            "delivery_timeout_ms": int(max(2.5, seconds) * 1000),
        } | ({} if once else {"retries": 0})
        self._once = once
        self._lock = threading.Lock()
        self._producer: Any = None
        self._cluster: Cluster | None = None
        self._spoilt = False

    def open(self, deadline: float, beside: Sequence[str] = ()) -> None:
        """Reach Kafka, and see the topic; does nothing where that was done.

        Args:
            deadline: By when, in monotonic seconds.
            beside: Other topics that must be there.

        Raises:
            TopicMissingError: One does not exist.
            KafkaUnavailableError: Kafka does not answer, or does not show one.
        """
        if self._producer is not None and not self._spoilt:
            return
        if not self._lock.acquire(timeout=max(0, deadline - monotonic())):
            raise self._connector.unavailable("it does not answer")
        try:
            if self._producer is None or self._spoilt:
                self._reopen(deadline, beside)
        finally:
            self._lock.release()

    def send(
        self,
        value: bytes,
        headers: Headers,
        tried: Sequence[int],
        arrived: Callable[[], None],
        failed: Callable[[BaseException], None],
    ) -> int | None:
        """Hand a record over; the partition that it goes to, or None where none has a leader now.

        Args:
            value: The request.
            headers: Its headers.
            tried: Partitions that it was sent to before: another one is taken if there is one.
            arrived: Called, in another thread, when Kafka has it.
            failed: Called, in another thread, when Kafka does not confirm it.

        Raises:
            KafkaError: It was not handed over.
        """
        producer, cluster = self._producer, self._cluster
        partition = None if cluster is None else self._choose(cluster, tried)
        if partition is None:
            return None
        try:
            future = producer.send(self._topic, value, headers=list(headers), partition=partition)
        except ValueError as error:  # the topic is not what it was a moment ago
            raise KafkaError(error) from error
        future.add_callback(lambda _metadata: arrived())
        future.add_errback(self._failed, failed)
        return partition

    def close(self) -> None:
        """End; what is on its way has a second to arrive."""
        with self._lock:
            if self._producer is not None:
                self._producer.close(timeout=1)

    def _reopen(self, deadline: float, beside: Sequence[str]) -> None:
        producer, cluster = self._connector.open(KafkaProducer, deadline, **self._options)
        try:
            require_topics(cluster, [self._topic, *beside], deadline)
        except BaseException:
            producer.close(timeout=0)
            raise
        spoilt, self._producer, self._cluster = self._producer, producer, cluster
        self._spoilt = False
        if spoilt is not None:
            spoilt.close(timeout=0)

    def _failed(self, failed: Callable[[BaseException], None], error: BaseException) -> None:
        """An idempotent producer is of no use after a record that the broker rejects."""
        if self._once and not getattr(error, "retriable", False):
            self._spoilt = True
        failed(error)

    def _choose(self, cluster: Cluster, tried: Sequence[int]) -> int | None:
        """A partition with a leader: one led by another broker than the last, or else a new one."""
        available = cluster.available_partitions_for_topic(self._topic) or set()
        new = available.difference(tried)

        def leader(partition: int) -> int | None:
            return cluster.leader_for_partition(TopicPartition(self._topic, partition))

        elsewhere = {it for it in new if tried and leader(it) != leader(tried[-1])}
        candidates = tuple(elsewhere or new or available)
        return random.choice(candidates) if candidates else None  # noqa: S311 - no secret
