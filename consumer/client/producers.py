"""The producers of the service: none of them waits for anybody.

The options and their reasons are measured ones: docs/FAILURES.md, "The clients".
"""

from time import monotonic, sleep

from kafka import KafkaProducer
from kafka.errors import KafkaTimeoutError

from consumer.client.connections import connect
from consumer.client.internals.metadata import keep_to_what_is_there
from consumer.client.partitioner import round_the_leaderless
from consumer.client.path import path_of
from consumer.client.protocols import Producer
from consumer.client.timeouts import (
    METADATA_MAX_AGE_MS,
    REPLIES_METADATA_MAX_AGE_MS,
    REQUEST_TIMEOUT_MS,
)
from consumer.settings import Settings
from contract.topics import MAX_SNAPSHOT_BYTES

INTRODUCTION_SECONDS = 0.01


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
        **settings.client_options() | path_of(settings).options(),
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
    keep_to_what_is_there(made)
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
