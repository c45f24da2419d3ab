"""Reads the reply topic from now on, each partition as long as it has a leader."""

import threading
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from time import monotonic, time
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import AuthorizationError, KafkaError, RetriableError, UnknownBrokerIdError

from producer.connect import Connector
from producer.errors import KafkaUnavailableError
from producer.present import require_topics

POLL_MS = 100
LOOK_SECONDS = 0.3
"""How often to look for partitions that are new or have a leader again."""

LOOK_UP_MS = 300
"""The time limit for looking up log ends; nothing else is read meanwhile."""

REOPEN_SECONDS = 5.0
CLOCKS_MS = 10_000
"""How much our clock may differ from that of the service."""

PASSING = (RetriableError, UnknownBrokerIdError)
"""Transient errors of brokers."""

OPTIONS = {
    "group_id": None,
    "auto_offset_reset": "latest",
    "max_partition_fetch_bytes": 256 * 1024,
    "fetch_max_bytes": 1024 * 1024,  # as much as a slow line carries within the request timeout
}


class Replies:
    """Reads the reply topic in its own thread, and survives any record in it.

    A partition that is seen for the first time is read from the time when the client was opened, so
    that no reply is missed if its leader comes back late.

    Args:
        connector: Opens the client.
        topic: The reply topic.
        deliver: Called with each record, in that thread.
        tell: Called with an error that keeps replies from being read, in that thread.
        deadline: By when reading must have begun, in monotonic seconds.

    Raises:
        TopicMissingError: The topic does not exist.
        KafkaUnavailableError: Kafka does not answer, or does not let us read.
    """

    def __init__(
        self,
        connector: Connector,
        topic: str,
        deliver: Callable[[Any], None],
        tell: Callable[[KafkaUnavailableError], None],
        deadline: float,
    ) -> None:
        self._connector = connector
        self._topic = topic
        self._deliver = deliver
        self._tell = tell
        self._since_ms: int | None = None
        self._positions: dict[TopicPartition, int] = {}
        self._stop = threading.Event()
        self._look_at = 0.0
        opened_ms = int(time() * 1000)
        self._open(deadline)
        try:
            self._begin(deadline)
        except BaseException:
            self._close()
            raise
        self._since_ms = opened_ms - CLOCKS_MS
        self._thread = threading.Thread(target=self._run, name="replies", daemon=True)
        self._thread.start()

    @property
    def unread(self) -> int:
        """The number of partitions that are not read now, as they have no leader."""
        known = self._cluster.partitions_for_topic(self._topic) or set()
        led = self._cluster.available_partitions_for_topic(self._topic) or set()
        return len(known) - len(led)

    def close(self) -> None:
        """Stop reading; returns within a few seconds."""
        self._stop.set()
        self._thread.join(timeout=REOPEN_SECONDS)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                if self._consumer is None:
                    self._open(monotonic() + REOPEN_SECONDS)
                self._turn()
            except KafkaUnavailableError as error:
                self._tell(error)
                self._stop.wait(LOOK_SECONDS)
            except Exception as error:  # noqa: BLE001 - whatever a hostile record makes the client raise
                self._mend(error)
        self._close()

    def _turn(self) -> None:
        if monotonic() >= self._look_at:
            self._take_up()
            self._look_at = monotonic() + LOOK_SECONDS
        for at, records in self._consumer.poll(timeout_ms=POLL_MS).items():
            for record in records:
                self._deliver(record)
            self._positions[at] = records[-1].offset + 1

    def _mend(self, error: Exception) -> None:
        """Begin again with a new consumer: the old one may never read again after an error.

        If the error is not a broker's, a record cannot be unpacked. kafka-python does not say
        which, so all partitions are read from their ends; questions whose replies are skipped by
        that are sent again.
        """
        if isinstance(error, AuthorizationError):
            self._tell(self._connector.unavailable(f"we may not read {self._topic}"))
        elif not isinstance(error, PASSING):
            self._positions.clear()
            self._since_ms = None
        self._close()
        self._stop.wait(LOOK_SECONDS)

    def _open(self, deadline: float) -> None:
        self._consumer, self._cluster = self._connector.open(KafkaConsumer, deadline, **OPTIONS)
        self._cluster.add_topic(self._topic)
        self._read(self._positions)

    def _begin(self, deadline: float) -> None:
        """Begin to read, from the end, at least one partition."""
        require_topics(self._cluster, [self._topic], deadline)
        while not self._positions:
            try:
                self._take_up()
            except KafkaError as error:
                raise self._connector.unavailable(error) from error
            if not self._positions and monotonic() > deadline:
                raise self._connector.unavailable(f"no broker reports the end of {self._topic}")

    def _take_up(self) -> None:
        """Begin to read the partitions that have a leader and are not read yet."""
        by_leader: dict[int | None, set[TopicPartition]] = {}
        for number in self._cluster.available_partitions_for_topic(self._topic) or ():
            at = TopicPartition(self._topic, number)
            if at not in self._positions:
                by_leader.setdefault(self._cluster.leader_for_partition(at), set()).add(at)
        for partitions in by_leader.values():
            with suppress(
                *PASSING, KeyError
            ):  # the leader has just gone: try again at the next look
                found = self._places(partitions)
                self._positions |= found
                self._read(found)

    def _places(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Where to begin: at the first reply since the client was opened, else at the end."""
        places: dict[TopicPartition, int] = self._consumer.end_offsets(
            partitions, timeout_ms=LOOK_UP_MS
        )
        if self._since_ms is not None:
            times = dict.fromkeys(partitions, self._since_ms)
            later = self._consumer.offsets_for_times(times, timeout_ms=LOOK_UP_MS)
            places |= {at: it.offset for at, it in later.items() if it is not None}
        return places

    def _read(self, new: Iterable[TopicPartition]) -> None:
        if self._positions:
            self._consumer.assign(list(self._positions))
        for at in new:
            self._consumer.seek(at, self._positions[at])

    def _close(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            with suppress(KafkaError, RuntimeError):
                consumer.close(autocommit=False, timeout_ms=1000)
