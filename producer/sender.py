"""Sends requests, each to a partition that has a leader."""

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
    """A producer of requests; thread-safe. Sending never blocks.

    Args:
        connector: Opens the client.
        topic: The requests topic.
        once: Send with an idempotent producer, which retries: a record is in the log once or not
            at all. Otherwise a record is tried once, and the caller may try again.
        seconds: How long Kafka may take to acknowledge a record.
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
        """Connect, and check that the topic exists; does nothing if that was done.

        Args:
            deadline: By when, in monotonic seconds.
            beside: Other topics that must exist.

        Raises:
            TopicMissingError: A topic does not exist.
            KafkaUnavailableError: Kafka does not answer, or hides a topic from us.
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
        """Send a record; returns its partition, or None if no partition has a leader now.

        Args:
            value: The request.
            headers: Its headers.
            tried: Partitions that it was sent to before; another one is preferred.
            arrived: Called, in another thread, when Kafka has acknowledged it.
            failed: Called, in another thread, when Kafka has not acknowledged it.

        Raises:
            KafkaError: It was not sent.
        """
        producer, cluster = self._producer, self._cluster
        partition = None if cluster is None else self._choose(cluster, tried)
        if partition is None:
            return None
        try:
            future = producer.send(self._topic, value, headers=list(headers), partition=partition)
        except ValueError as error:  # the topic has just changed
            raise KafkaError(error) from error
        future.add_callback(lambda _metadata: arrived())
        future.add_errback(self._failed, failed)
        return partition

    def close(self) -> None:
        """Close; records in flight have a second to arrive."""
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
        """An idempotent producer is unusable after a record that the broker rejected."""
        if self._once and not getattr(error, "retriable", False):
            self._spoilt = True
        failed(error)

    def _choose(self, cluster: Cluster, tried: Sequence[int]) -> int | None:
        """A partition with a leader: preferably on another broker than the last, else a new one."""
        available = cluster.available_partitions_for_topic(self._topic) or set()
        new = available.difference(tried)

        def leader(partition: int) -> int | None:
            return cluster.leader_for_partition(TopicPartition(self._topic, partition))

        elsewhere = {it for it in new if tried and leader(it) != leader(tried[-1])}
        candidates = tuple(elsewhere or new or available)
        return random.choice(candidates) if candidates else None  # noqa: S311 - no secret
