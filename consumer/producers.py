"""The producers of the service: none of them waits for anybody.

The options and their reasons are measured ones: docs/FAILURES.md, "The clients".
"""

from time import monotonic, sleep
from typing import Any, Protocol

from kafka import KafkaProducer
from kafka.errors import KafkaTimeoutError
from kafka.partitioner import DefaultPartitioner
from kafka.partitioner.default import murmur2

from consumer.client import METADATA_MAX_AGE_MS, REPLIES_METADATA_MAX_AGE_MS, connect
from consumer.settings import Settings
from contract.topics import MAX_SNAPSHOT_BYTES

INTRODUCTION_SECONDS = 0.01
REQUEST_TIMEOUT_MS = 5000
"""A broker that hangs (paused, its disk stuck) breaks no connection: so long what was sent to it
waits, then it goes to who leads by now."""


class RoundTheLeaderless(DefaultPartitioner):  # type: ignore[misc]  # kafka-python has no types
    """Kafka's own partitioner, but that a key whose partition has no leader goes to another."""

    def partition(
        self,
        topic: str,
        key: object,
        serialized_key: bytes | None,
        value: object,
        serialized_value: bytes | None,
        cluster: Any,  # noqa: ANN401 - kafka-python's
    ) -> int:
        """A partition that has a leader, while there is any."""
        chosen: int = super().partition(
            topic, key, serialized_key, value, serialized_value, cluster
        )
        led = sorted(cluster.available_partitions_for_topic(topic))
        if chosen in led or not led or serialized_key is None:
            return chosen
        return int(led[(murmur2(serialized_key) & 0x7FFFFFFF) % len(led)])


round_the_leaderless = RoundTheLeaderless()


class Future(Protocol):
    """What we use of a send's future."""

    @property
    def is_done(self) -> bool: ...
    def add_callback(self, f: Any, *args: object) -> object: ...  # noqa: ANN401
    def add_errback(self, f: Any, *args: object) -> object: ...  # noqa: ANN401
    def get(self, timeout: float | None = ...) -> Any: ...  # noqa: ANN401


class Producer(Protocol):
    """What we use of a KafkaProducer."""

    def send(
        self,
        topic: str,
        value: bytes | None = ...,
        key: bytes | None = ...,
        headers: list[tuple[str, bytes]] | None = ...,
        partition: int | None = ...,
    ) -> Future: ...
    def partitions_for(self, topic: str) -> set[int]: ...
    def flush(self, timeout: float | None = ...) -> None: ...
    def close(self, timeout: float | None = ...) -> None: ...


def producer(settings: Settings, *, role: str, **options: object) -> Producer:
    """A producer that waits for nobody: no batching delay, and ``send`` never blocks.

    Where it does not know the topic, ``send`` raises KafkaTimeoutError at once, and the topic is
    asked for: see ``introduce``. It has no bound of its own on what it buffers (kafka-python 3.0
    knows no ``buffer_memory``): whoever sends counts what is not acknowledged.

    Not idempotent: kafka-python's idempotent producer is dead for good after one record that the
    broker rejects, and what we send may be repeated without harm.
    """
    made: Producer = connect(
        KafkaProducer,
        **settings.client_options(),
        client_id=f"{settings.application_id}-{role}-{settings.member}",
        acks="all",
        enable_idempotence=False,
        linger_ms=0,
        max_block_ms=0,
        partitioner=round_the_leaderless,
        metrics_enabled=False,
        bootstrap_timeout_ms=2000,
        **{
            "request_timeout_ms": REQUEST_TIMEOUT_MS,
            "metadata_max_age_ms": METADATA_MAX_AGE_MS,
            **options,
        },
    )
    return made


def dead_letters_producer(settings: Settings) -> Producer:
    """For dead letters, which are sent again by us: to whichever partitions there are by then.

    It gives up soon what is for a partition that is gone, as where the topic was made again.
    """
    return producer(settings, role="dead-letters", delivery_timeout_ms=15_000)


def forwards_producer(settings: Settings) -> Producer:
    """For events sent as requests: one request in flight, a retry must not overtake.

    Who sent one waits to be told: what cannot be sent on is given up soon.
    """
    return producer(
        settings,
        role="forwards",
        max_in_flight_requests_per_connection=1,
        delivery_timeout_ms=15_000,
    )


def snapshots_producer(settings: Settings) -> Producer:
    """For snapshots, which are large."""
    return producer(settings, role="snapshots", max_request_size=MAX_SNAPSHOT_BYTES)


def replies_producer(settings: Settings) -> Producer:
    """For replies: their topics are the requesters', and come and go."""
    made = producer(settings, role="replies", metadata_max_age_ms=REPLIES_METADATA_MAX_AGE_MS)
    getattr(made, "_metadata").add_listener(forget_what_is_gone)  # noqa: B009
    return made


def introduce(producer: Producer, topic: str, seconds: float) -> None:
    """Wait until the producer knows the topic; looks once at least.

    Raises:
        KafkaError: It does not, after these seconds.
    """
    deadline = monotonic() + seconds
    while True:
        try:
            producer.partitions_for(topic)
        except KafkaTimeoutError:
            if monotonic() > deadline:
                raise
            sleep(INTRODUCTION_SECONDS)
        else:
            return


def forget_what_is_gone(cluster: Any) -> None:  # noqa: ANN401 - kafka-python's
    """Called with new metadata: to ask for a topic that was deleted is to ask for ever."""
    cluster._topics &= cluster._partitions.keys()  # noqa: SLF001
