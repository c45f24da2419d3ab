"""Opens consumers and admin clients, with their options.

The options and their reasons are measured ones: docs/FAILURES.md, "The clients".
"""

import logging
from collections.abc import Callable
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer
from kafka.admin import MemberToRemove
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import UnknownTopicOrPartitionError

from consumer.client.fast_path import client_path
from consumer.client.internals.batches import unpack_with
from consumer.client.internals.group import watch_heartbeats
from consumer.client.options import METADATA_MAX_AGE_MS, REPLIES_METADATA_MAX_AGE_MS
from consumer.client.precedence import Precedence
from consumer.client.protocols import Admin, Consumer
from consumer.settings import Settings
from contract.topics import MAX_SNAPSHOT_BYTES

SESSION_TIMEOUT_MS = 10_000
MAX_POLL_RECORDS = 500
EVENTS_FETCH_MAX_WAIT_MS = 50
"""A partition whose records are being read is left out of the next fetch. Where that asks for quiet
partitions alone, the broker holds it for so long, and the busy one waits with it."""


def events_consumer(settings: Settings) -> Consumer:
    """Consumer of the events: moderate fetches; positions are ours, never the group's offsets."""
    return _group_consumer(
        settings,
        role="learner",
        auto_offset_reset="none",
        max_poll_records=MAX_POLL_RECORDS,
        max_partition_fetch_bytes=256 * 1024,
        fetch_max_wait_ms=EVENTS_FETCH_MAX_WAIT_MS,
        isolation_level="read_committed",  # events of aborted transactions are not learned
    )


def requests_consumer(settings: Settings, precedence: Precedence) -> Consumer:
    """Consumer of the requests: small fetches, so that a busy partition does not delay others."""
    return _group_consumer(
        settings,
        role="responder",
        auto_offset_reset="latest",
        max_poll_records=100,
        max_partition_fetch_bytes=64 * 1024,
        metadata_max_age_ms=REPLIES_METADATA_MAX_AGE_MS,
        **client_path(settings).options_of_requests(precedence),
    )


def connect(kind: Callable[..., Any], **options: object) -> Any:  # noqa: ANN401 - a Protocol's
    """Open a client of kafka-python; where that fails, close what it leaves behind.

    One that does not reach the broker raises in its constructor and leaves its I/O thread running:
    a service that waits for Kafka would collect one for each try.

    Args:
        kind: The client's class.
        options: Its options, ``kafka_client`` among them.

    Raises:
        KafkaError: No broker is reachable, or none accepts our login.
    """
    opened: list[Any] = []
    connections: Any = options["kafka_client"]

    def net_client(**config: object) -> Any:  # noqa: ANN401 - kafka-python's
        opened.append(connections(**config))
        return opened[-1]

    try:
        return kind(**options | {"kafka_client": net_client})
    except BaseException:
        for client in opened:
            client.close()
        raise


def changelog_consumer(settings: Settings) -> Consumer:
    """Consumer of the changelog: all partitions, without a group; large fetches for snapshots."""
    return _consumer(
        settings,
        role="follower",
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=MAX_SNAPSHOT_BYTES,
    )


def demand_consumer(settings: Settings) -> Consumer:
    """Consumer of the snapshots that other instances want: without a group, from the end."""
    return _consumer(settings, role="demand", auto_offset_reset="latest")


def exploring_consumer(settings: Settings) -> Consumer:
    """Consumer of a look at any topic: without a group, from where it is told."""
    return _consumer(
        settings,
        role="explorer",
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=MAX_SNAPSHOT_BYTES,
        isolation_level="read_committed",
    )


def group_id(settings: Settings, role: str) -> str:
    """The consumer group of a role: ``learner`` or ``responder``."""
    return f"{settings.application_id}-{role}"


def _group_consumer(settings: Settings, *, role: str, **options: object) -> Consumer:
    consumer = _consumer(
        settings,
        role=role,
        group_id=group_id(settings, role),
        group_instance_id=settings.member,
        partition_assignment_strategy=[CooperativeStickyAssignor],
        session_timeout_ms=SESSION_TIMEOUT_MS,
        heartbeat_interval_ms=1000,
        **options,
    )
    watch_heartbeats(consumer)
    client_path(settings).prepare(consumer)
    return consumer


def _consumer(settings: Settings, *, role: str, **options: object) -> Consumer:
    consumer: Consumer = connect(
        KafkaConsumer,
        **settings.client_options()
        | client_path(settings).options()
        | {"metadata_max_age_ms": METADATA_MAX_AGE_MS}
        | options,
        client_id=f"{settings.application_id}-{role}-{settings.member}",
        enable_auto_commit=False,
        metrics_enabled=False,
        bootstrap_timeout_ms=2000,
    )
    unpack_with(consumer)
    return consumer


def know(consumer: Consumer, topic: str) -> Consumer:
    """Check that the consumer knows the topic's partitions, and return it.

    A group leader that joins before it knows them assigns nothing at first: for a moment the group
    would be stable, with nobody reading.

    Raises:
        KafkaError: Kafka does not answer, or does not show the topic (yet).
    """
    if not consumer.partitions_for_topic(topic):
        raise UnknownTopicOrPartitionError(topic)
    return consumer


def admin(settings: Settings, *, patience_ms: int = 5000) -> Admin:
    """Admin client: for topics and groups, and to ask whether Kafka is reachable."""
    made: Admin = connect(
        KafkaAdminClient,
        **settings.admin_options() | client_path(settings).options(),
        client_id=f"{settings.application_id}-admin-{settings.member}",
        request_timeout_ms=patience_ms,
        bootstrap_timeout_ms=2000,
    )
    return made


def leave(admin: Admin, settings: Settings, *roles: str) -> None:
    """Remove our static member from the groups of these roles.

    Raises:
        KafkaError: Kafka is not reachable.
    """
    member = MemberToRemove(group_instance_id=settings.member)
    for role in roles:
        admin.remove_group_members(group_id(settings, role), [member])


def quieten() -> None:
    """Silence kafka-python's log: a hundred lines for each outage, whose begin and end we log."""
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
