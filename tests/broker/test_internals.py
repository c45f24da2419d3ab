"""What we use of kafka-python's private parts does what we use it for, on a real broker.

One test for each use, here or where the table of docs/adr/0001-one-wall.md says.
"""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from kafka.errors import IllegalStateError, UnknownTopicOrPartitionError

from consumer.client import (
    client_path,
    connections,
    introduce,
    poll,
    read_what_is_new,
    rejoin,
    watch_topic_id,
)
from consumer.client.internals.batches import Unpacker
from consumer.client.internals.fencing import Fence
from consumer.client.internals.group import joined
from consumer.client.internals.metadata import leader_of, position_of
from consumer.client.internals.sockets import FastTCP, Selector
from consumer.client.precedence import Precedence, PrecedingSelector
from consumer.client.producers import snapshots_producer
from consumer.client.topics.creation import topic_id
from consumer.settings import Settings
from contract.topics import PARTITION_COUNT
from support.waiting import wait_until

POLL_MS = 100
INTRODUCED_SECONDS = 30.0
LARGE = b"x" * 300_000


@pytest.fixture
def settings(service_settings: Settings) -> Settings:
    return service_settings


@pytest.fixture
def admin(kafka: str) -> Iterator[KafkaAdminClient]:
    with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
        yield admin


@pytest.fixture
def open_member(settings: Settings) -> Iterator[Any]:
    """A function that opens a member of the responders' group on a path: True is the fast one."""
    with ExitStack() as stack:

        def opened(*, fast: bool = True) -> Any:  # noqa: ANN401 - with its private parts
            own = settings.model_copy(update={"fast_path": fast})
            consumer = connections.requests_consumer(own, Precedence())
            stack.callback(consumer.close, autocommit=False)
            wait_until(lambda: bool(consumer.partitions_for_topic(settings.requests_topic)))
            consumer.subscribe([settings.requests_topic], listener=None)
            return consumer

        yield opened


def has_joined(consumer: Any) -> bool:  # noqa: ANN401
    poll(consumer, POLL_MS)
    return joined(consumer) and bool(consumer.assignment())


def send(settings: Settings, value: bytes, partition: int = 0) -> None:
    with closing(KafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)) as producer:
        producer.send(settings.requests_topic, value=value, partition=partition).get(timeout=30)


def values_of(polled: Any) -> list[bytes]:  # noqa: ANN401
    return [record.value for records in polled.values() for record in records]


# The group.


@pytest.mark.parametrize("fast", [True, False])
def test_a_member_that_knows_its_coordinator_does_not_look_for_it_at_each_poll(
    open_member: Any,  # noqa: ANN401
    *,
    fast: bool,
) -> None:
    """The second case shows that kafka-python by itself does."""
    member = open_member(fast=fast)
    wait_until(lambda: has_joined(member))
    coordinator = member._coordinator
    find, looked = coordinator.ensure_coordinator_ready_async, 0

    async def counted(timeout_ms: float | None = None) -> bool:
        nonlocal looked
        looked += 1
        return bool(await find(timeout_ms))

    def looks_of_five_polls() -> int:
        before = looked
        for _ in range(5):
            poll(member, 1)
        return looked - before

    coordinator.ensure_coordinator_ready_async = counted
    if fast:  # a broker that was slow to answer a heartbeat may have to be found again first
        wait_until(lambda: looks_of_five_polls() == 0)
    else:
        assert looks_of_five_polls() > 0
    before = looked
    coordinator.coordinator_dead("as where its broker dies")
    assert coordinator.coordinator() is None
    wait_until(lambda: has_joined(member) and coordinator.coordinator() is not None)
    assert looked > before


def test_a_member_that_is_told_to_rejoin_does_with_the_next_polls(open_member: Any) -> None:  # noqa: ANN401
    member = open_member()
    wait_until(lambda: has_joined(member))
    before = member._coordinator._generation.generation_id
    rejoin(member)
    wait_until(
        lambda: has_joined(member) and member._coordinator._generation.generation_id > before
    )


@pytest.mark.parametrize("new", [True, False])
def test_a_partition_without_a_position_is_read_from_its_beginning_if_told_so(
    open_member: Any,  # noqa: ANN401
    settings: Settings,
    *,
    new: bool,
) -> None:
    send(settings, b"asked before")
    member = open_member()
    if new:
        read_what_is_new(member)
    at = TopicPartition(settings.requests_topic, 0)
    read: list[bytes | None] = []

    def is_at_the_end() -> bool:
        polled = poll(member, POLL_MS)
        assert isinstance(polled, dict)
        for records in polled.values():
            read.extend(record.value for record in records)
        return at in member.assignment() and position_of(member, at) == 1

    wait_until(is_at_the_end)
    assert member.position(at, timeout_ms=0) == 1
    assert read == ([b"asked before"] if new else [])


# Metadata.


def test_a_position_is_known_of_assigned_partitions_alone(open_member: Any) -> None:  # noqa: ANN401
    member = open_member()
    wait_until(lambda: has_joined(member))
    at = min(member.assignment())
    member.seek(at, 7)
    assert position_of(member, at) == member.position(at, timeout_ms=0) == 7
    with pytest.raises(IllegalStateError):
        position_of(member, TopicPartition(at.topic, 99))


def test_the_leader_of_a_partition_is_known(settings: Settings) -> None:
    with closing(connections.changelog_consumer(settings)) as consumer:
        wait_until(lambda: bool(consumer.partitions_for_topic(settings.requests_topic)))
        broker = leader_of(consumer, TopicPartition(settings.requests_topic, 0))
        assert broker is not None
        assert broker >= 0
        assert leader_of(consumer, TopicPartition(settings.requests_topic, 99)) is None


def test_the_id_of_a_topic_is_heard_and_that_of_the_one_created_in_its_place(
    open_member: Any,  # noqa: ANN401
    settings: Settings,
    admin: KafkaAdminClient,
) -> None:
    topic = settings.requests_topic
    heard: list[str] = []
    member = open_member()
    watch_topic_id(member, topic, heard.append)

    def told(expected: str) -> bool:
        poll(member, POLL_MS)
        return heard[-1:] == [expected]

    first = topic_id(admin, topic)
    wait_until(lambda: told(first))
    admin.delete_topics([topic])
    wait_until(lambda: topic not in admin.list_topics())
    admin.create_topics({topic: {"num_partitions": 4}})
    wait_until(lambda: is_shown(admin, topic))
    second = topic_id(admin, topic)
    assert second != first
    wait_until(lambda: told(second))


def is_shown(admin: Any, topic: str) -> bool:  # noqa: ANN401
    try:
        return bool(topic_id(admin, topic))
    except UnknownTopicOrPartitionError:
        return False


# Sockets.


@pytest.mark.parametrize("fast", [True, False])
def test_what_is_sent_together_wakes_the_producer_once_on_the_fast_path(
    settings: Settings, *, fast: bool
) -> None:
    own = settings.model_copy(update={"fast_path": fast})
    with closing(snapshots_producer(own)) as opened:
        introduce(opened, settings.events_topic, INTRODUCED_SECONDS)
        producer: Any = opened
        client, woken = producer._sender._client, 0
        wake = client.wakeup

        def counted() -> None:
            nonlocal woken
            woken += 1
            wake()

        client.wakeup = counted
        with client_path(own).together(opened):
            sent = [
                opened.send(settings.events_topic, b"a snapshot", partition=number)
                for number in range(PARTITION_COUNT)
            ]
        assert woken == (1 if fast else PARTITION_COUNT)
        for future in sent:
            future.get(timeout=INTRODUCED_SECONDS)
        assert opened.send(settings.events_topic, b"alone", partition=0)
        assert woken == (2 if fast else PARTITION_COUNT + 1)


@pytest.mark.parametrize("fast", [True, False])
def test_connections_are_of_the_path_that_was_chosen_and_large_fetches_come_whole(
    open_member: Any,  # noqa: ANN401
    settings: Settings,
    *,
    fast: bool,
) -> None:
    member = open_member(fast=fast)
    read_what_is_new(member)
    wait_until(lambda: has_joined(member))
    send(settings, LARGE)
    found: list[bytes] = []

    def has_come() -> bool:
        found.extend(values_of(poll(member, POLL_MS)))
        return bool(found)

    wait_until(has_come)
    assert found == [LARGE]
    transports = [it.transport for it in member._manager._conns.values() if it.connected]
    assert transports
    assert {isinstance(it, FastTCP) for it in transports} == {fast}
    assert member._fetcher.PartitionRecords is Unpacker  # what corrects faults is on both paths
    assert isinstance(member._coordinator.fence, Fence)
    selector = member._net._selector
    assert isinstance(selector, PrecedingSelector) == fast
    assert isinstance(selector, Selector) == fast


@pytest.mark.parametrize("fast", [True, False])
def test_every_client_has_the_selector_of_its_path(settings: Settings, *, fast: bool) -> None:
    own = settings.model_copy(update={"fast_path": fast})
    with closing(connections.events_consumer(own)) as consumer:
        opened: Any = consumer
        assert isinstance(opened._net._selector, Selector) == fast
