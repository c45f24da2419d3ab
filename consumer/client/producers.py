"""Opens the service's producers, whose ``send`` never blocks.

The options and their reasons are measured ones: docs/FAILURES.md, "The clients".
"""

from time import monotonic, sleep

from kafka import KafkaProducer
from kafka.errors import KafkaTimeoutError

from consumer.client.connections import connect
from consumer.client.fast_path import client_path
from consumer.client.internals.metadata import keep_to_what_is_there
from consumer.client.options import (
    METADATA_MAX_AGE_MS,
    REPLIES_METADATA_MAX_AGE_MS,
    REQUEST_TIMEOUT_MS,
    round_the_leaderless,
)
from consumer.client.protocols import Producer
from consumer.settings import Settings
from contract.topics import MAX_SNAPSHOT_BYTES

INTRODUCTION_SECONDS = 0.01
SNAPSHOTS_LINGER_MS = 20


def producer(settings: Settings, *, role: str, **options: object) -> Producer:
    """Open a producer, without batching delay by default, whose ``send`` never blocks.

    Where it does not know the topic, ``send`` raises KafkaTimeoutError at once and requests the
    topic's metadata: see ``introduce``. Its buffer has no limit (kafka-python 3.0 has no
    ``buffer_memory``), so each sender counts what is not acknowledged yet.

    Not idempotent: after one record that the broker rejects, kafka-python's idempotent producer
    fails for ever; and what we send may be repeated without harm.
    """
    made: Producer = connect(
        KafkaProducer,
        **settings.client_options() | client_path(settings).options(),
        client_id=f"{settings.application_id}-{role}-{settings.member}",
        acks="all",
        enable_idempotence=False,
        max_block_ms=0,
        partitioner=round_the_leaderless,
        metrics_enabled=False,
        bootstrap_timeout_ms=2000,
        **{
            "linger_ms": 0,
            "request_timeout_ms": REQUEST_TIMEOUT_MS,
            "metadata_max_age_ms": METADATA_MAX_AGE_MS,
            **options,
        },
    )
    return made


def dead_letters_producer(settings: Settings) -> Producer:
    """Producer of dead letters and predictions, which we send again ourselves when it gives up.

    It gives up soon: the partition may be gone, because the topic was recreated.
    """
    return producer(settings, role="dead-letters", delivery_timeout_ms=15_000)


def forwards_producer(settings: Settings) -> Producer:
    """Producer of events that came as requests; one request in flight, so that retries keep order.

    It gives up soon, because the requester waits for an answer.
    """
    return producer(
        settings,
        role="forwards",
        max_in_flight_requests_per_connection=1,
        delivery_timeout_ms=15_000,
    )


def snapshots_producer(settings: Settings) -> Producer:
    """Producer of snapshots, which are large; those of a slice of partitions go together."""
    return producer(
        settings,
        role="snapshots",
        max_request_size=MAX_SNAPSHOT_BYTES,
        linger_ms=SNAPSHOTS_LINGER_MS,
    )


def replies_producer(settings: Settings) -> Producer:
    """Producer of replies, whose topics belong to the requesters and may be deleted."""
    made = producer(settings, role="replies", metadata_max_age_ms=REPLIES_METADATA_MAX_AGE_MS)
    keep_to_what_is_there(made)
    return made


def introduce(producer: Producer, topic: str, seconds: float) -> None:
    """Wait until the producer has the topic's metadata; tries at least once.

    Raises:
        KafkaError: It has not, after these seconds.
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
