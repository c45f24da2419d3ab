"""The door to kafka-python: which consumers and admins there are, and with which options.

The options and their reasons are measured ones: docs/FAILURES.md, "The clients".
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import MemberToRemove
from kafka.consumer.subscription_state import OffsetResetStrategy
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import UnknownTopicOrPartitionError

from consumer import transport
from consumer.fencing import Fence
from consumer.partition import Record
from consumer.precedence import Precedence, PrecedingSelector
from consumer.settings import Settings
from consumer.unpack import Unpacker
from contract.kafka import NetClient
from contract.topics import MAX_SNAPSHOT_BYTES

SESSION_TIMEOUT_MS = 10_000
MAX_POLL_RECORDS = 500
METADATA_MAX_AGE_MS = 2000
"""Who leads is asked so often: a broker that hangs breaks no connection, and nothing else tells."""
REPLIES_METADATA_MAX_AGE_MS = 1000
"""The same where somebody waits for an answer."""
NO_LEADER = -1

transport.install()


class Consumer(Protocol):
    """What we use of a KafkaConsumer."""

    def poll(
        self, timeout_ms: int = ..., max_records: int | None = ...
    ) -> dict[Any, list[Record]]: ...
    def subscribe(self, topics: Sequence[str], *, listener: object) -> None: ...
    def unsubscribe(self) -> None: ...
    def assign(self, partitions: Sequence[TopicPartition]) -> None: ...
    def seek(self, partition: TopicPartition, offset: int) -> None: ...
    def pause(self, *partitions: TopicPartition) -> None: ...
    def resume(self, *partitions: TopicPartition) -> None: ...
    def position(self, partition: TopicPartition, timeout_ms: int | None = ...) -> int | None: ...
    def highwater(self, partition: TopicPartition) -> int | None: ...
    def assignment(self) -> set[TopicPartition]: ...
    def beginning_offsets(
        self, partitions: Iterable[TopicPartition], timeout_ms: int | None = ...
    ) -> dict[TopicPartition, int]: ...
    def end_offsets(
        self, partitions: Iterable[TopicPartition], timeout_ms: int | None = ...
    ) -> dict[TopicPartition, int]: ...
    def partitions_for_topic(self, topic: str) -> set[int]: ...
    def commit(self, offsets: Mapping[TopicPartition, Any], timeout_ms: int) -> None: ...
    def commit_async(
        self, offsets: Mapping[TopicPartition, Any], callback: Callable[..., None] = ...
    ) -> object: ...
    def close(self, *, autocommit: bool = ..., timeout_ms: int | None = ...) -> None: ...


class Admin(Protocol):
    """What we use of a KafkaAdminClient."""

    def describe_cluster(self) -> dict[str, Any]: ...
    def list_topics(self) -> list[str]: ...
    def describe_topics(self, topics: Sequence[str] | None = ...) -> list[dict[str, Any]]: ...
    def create_topics(self, new_topics: Mapping[str, Mapping[str, Any]]) -> object: ...
    def create_partitions(self, topic_partitions: Mapping[str, int]) -> object: ...
    def describe_configs(
        self, config_resources: Sequence[object], *, config_filter: str
    ) -> dict[str, Any]: ...
    def describe_groups(self, group_ids: Sequence[str]) -> dict[str, dict[str, Any]]: ...
    def list_groups(self) -> list[dict[str, Any]]: ...
    def list_group_offsets(
        self, group_specs: Mapping[str, Sequence[TopicPartition] | None]
    ) -> dict[str, dict[TopicPartition, Any]]: ...
    def alter_group_offsets(
        self, group_id: str, offsets: Mapping[TopicPartition, Any]
    ) -> dict[TopicPartition, Any]: ...
    def remove_group_members(self, group_id: str, members: Sequence[object]) -> object: ...
    def close(self) -> None: ...


def events_consumer(settings: Settings) -> Consumer:
    """For the events: moderate fetches, positions ours and never the group's."""
    return _group_consumer(
        settings,
        role="learner",
        auto_offset_reset="none",
        max_poll_records=MAX_POLL_RECORDS,
        max_partition_fetch_bytes=256 * 1024,
        isolation_level="read_committed",  # a transaction that was aborted is never learned
    )


def requests_consumer(settings: Settings, precedence: Precedence) -> Consumer:
    """For the requests: small fetches, so that one partition's crowd does not hold up another."""
    return _group_consumer(
        settings,
        role="responder",
        auto_offset_reset="latest",
        max_poll_records=100,
        max_partition_fetch_bytes=64 * 1024,
        metadata_max_age_ms=REPLIES_METADATA_MAX_AGE_MS,
        selector=partial(PrecedingSelector, precedence),
    )


def connect(kind: Callable[..., Any], **options: object) -> Any:  # noqa: ANN401 - a Protocol's
    """A client of kafka-python, or no trace of it.

    One that does not reach the broker raises in its constructor and leaves its I/O thread running:
    a service that waits for Kafka would gather them.

    Raises:
        KafkaError: The broker is not there, or does not let us in.
    """
    opened: list[NetClient] = []

    def net_client(**config: object) -> NetClient:
        opened.append(NetClient(**config))
        return opened[-1]

    try:
        return kind(**{"selector": transport.Selector, **options, "kafka_client": net_client})
    except BaseException:
        for client in opened:
            client.close()
        raise


def changelog_consumer(settings: Settings) -> Consumer:
    """For the changelog: all its partitions, in no group; snapshots are large."""
    return _consumer(
        settings,
        role="follower",
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=MAX_SNAPSHOT_BYTES,
    )


def group_id(settings: Settings, role: str) -> str:
    """The consumer group of one of our loops."""
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
    coordinator: Any = getattr(consumer, "_coordinator")  # noqa: B009
    _spare_a_turn(coordinator)
    coordinator.fence = Fence(coordinator)
    return consumer


def _spare_a_turn(coordinator: Any) -> None:  # noqa: ANN401 - kafka-python's
    """Send a poll to the I/O thread for the group's coordinator only where it is not known.

    The client goes there and back with each poll; an answer waits for that once.
    """
    find = coordinator.ensure_coordinator_ready

    def ready(timeout_ms: float | None = None) -> bool:
        return coordinator.coordinator() is not None or find(timeout_ms)

    coordinator.ensure_coordinator_ready = ready


def _consumer(settings: Settings, *, role: str, **options: object) -> Consumer:
    consumer: Consumer = connect(
        KafkaConsumer,
        **settings.client_options(),
        client_id=f"{settings.application_id}-{role}-{settings.member}",
        enable_auto_commit=False,
        metrics_enabled=False,
        bootstrap_timeout_ms=2000,
        **{"metadata_max_age_ms": METADATA_MAX_AGE_MS, **options},
    )
    getattr(consumer, "_fetcher").PartitionRecords = Unpacker  # noqa: B009
    return consumer


def know(consumer: Consumer, topic: str) -> Consumer:
    """The consumer, once it knows the topic's partitions.

    A group's leader that joins before it knows them shares out nothing, at first: for a moment the
    group would be settled, and nobody would read.

    Raises:
        KafkaError: Kafka does not answer, or does not show the topic (yet).
    """
    if not consumer.partitions_for_topic(topic):
        raise UnknownTopicOrPartitionError(topic)
    return consumer


def leader_of(consumer: Consumer, at: TopicPartition) -> int | None:
    """The broker that leads the partition; NO_LEADER, or None where the client does not know.

    Where there is none, the client asks for news of it.
    """
    manager: Any = getattr(consumer, "_manager")  # noqa: B009
    leader: int | None = manager.cluster.leader_for_partition(at)
    if leader == NO_LEADER:
        manager.cluster.request_update()
    return leader


def joined(consumer: Consumer) -> bool:
    """Whether the group counts on us; where our part is nothing, no listener is told of it."""
    coordinator: Any = getattr(consumer, "_coordinator")  # noqa: B009
    return bool(coordinator.stable())


def read_what_is_new(consumer: Consumer) -> None:
    """From now on, begin a partition without a position at its beginning, not at its end.

    The end is for the first start, which has nothing to do with what was asked before. Later such a
    partition is a new one, as where its topic was recreated: it holds what was asked since.
    """
    subscription: Any = getattr(consumer, "_subscription")  # noqa: B009
    subscription._default_offset_reset_strategy = OffsetResetStrategy.EARLIEST  # noqa: SLF001


def rejoin(consumer: Consumer) -> None:
    """Make the next poll join the group again; may be called by any thread."""
    coordinator: Any = getattr(consumer, "_coordinator")  # noqa: B009
    coordinator.request_rejoin()


def joins_anew(consumer: Consumer) -> bool:
    """Whether a member that is fenced was so by itself, and joins again with the next poll."""
    fence: Fence | None = getattr(getattr(consumer, "_coordinator"), "fence", None)  # noqa: B009
    return fence is not None and fence.joins_anew()


def take_up_what_was_paused(consumer: Consumer) -> None:
    """Have the next poll go on with records that were laid aside when their partition was paused.

    kafka-python 3.0 takes them up where it has no present records; but those that are used up stay
    in their place, and the partition, once resumed, would never be read again.
    """
    fetcher: Any = getattr(consumer, "_fetcher", None)
    if fetcher is not None and not fetcher._next_partition_records:  # noqa: SLF001
        fetcher._next_partition_records = None  # noqa: SLF001


def finish_joining(consumer: Consumer) -> None:
    """Keep a join that a poll has begun and not ended wanted until its result is taken.

    kafka-python 3.0's group leader joins anew when the partitions of its topics change, and forgets
    why the moment it has shared them. Where the poll that began it has run out by then, the next
    one sees no reason to join, and nobody ever takes the result: no partition, and no error.
    """
    coordinator: Any = getattr(consumer, "_coordinator")  # noqa: B009
    if coordinator.rejoining:
        coordinator.request_rejoin()


def admin(settings: Settings, *, patience_ms: int = 5000) -> Admin:
    """For topics, and for asking whether Kafka is there."""
    made: Admin = connect(
        KafkaAdminClient,
        **settings.admin_options(),
        client_id=f"{settings.application_id}-admin-{settings.member}",
        request_timeout_ms=patience_ms,
        bootstrap_timeout_ms=2000,
    )
    return made


def leave(admin: Admin, settings: Settings, *roles: str) -> None:
    """Take our static member out of the groups of these roles.

    Raises:
        KafkaError: Kafka is away.
    """
    member = MemberToRemove(group_instance_id=settings.member)
    for role in roles:
        admin.remove_group_members(group_id(settings, role), [member])


def quieten() -> None:
    """The client logs a hundred lines an outage; the service logs the outage's begin and end."""
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
