"""Who is fenced by a join of its own joins anew; who is fenced by another process ends."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from kafka import KafkaAdminClient, TopicPartition
from kafka.coordinator.base import Generation
from kafka.errors import FencedInstanceIdError
from kafka.structs import OffsetAndMetadata

from consumer.client import connections
from consumer.client.internals.group import joined
from consumer.client.poll import poll
from consumer.client.precedence import Precedence
from consumer.settings import Settings
from support.service import own_names
from support.waiting import wait_until


@pytest.fixture
def settings(kafka: str) -> Settings:
    settings = Settings(**{name.lower(): value for name, value in own_names(kafka).items()})  # type: ignore[arg-type]
    with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
        admin.create_topics({settings.requests_topic: {"num_partitions": 1}})
    return settings


@pytest.fixture
def member(settings: Settings) -> Iterator[Any]:
    """A member of the responders' group, joined."""
    with closing(connections.requests_consumer(settings, Precedence())) as consumer:
        join(consumer, settings)
        yield consumer


def join(consumer: Any, settings: Settings) -> None:  # noqa: ANN401 - with its private parts
    wait_until(lambda: bool(consumer.partitions_for_topic(settings.requests_topic)))
    consumer.subscribe([settings.requests_topic], listener=None)
    wait_until(lambda: has_joined(consumer))


def has_joined(consumer: Any) -> bool:  # noqa: ANN401
    poll(consumer, 100)
    return joined(consumer) and bool(consumer.assignment())


def commits(consumer: Any, settings: Settings) -> bool:  # noqa: ANN401
    """Whether a commit comes through."""
    answers: list[object] = []
    at = TopicPartition(settings.requests_topic, 0)

    def answered() -> bool:
        poll(consumer, 100)
        return bool(answers)

    consumer.commit_async(
        {at: OffsetAndMetadata(0, "", -1)}, callback=lambda _, answer: answers.append(answer)
    )
    wait_until(answered)
    return not isinstance(answers[0], BaseException)


def fall_back_to(consumer: Any, member_id: str) -> None:  # noqa: ANN401
    """As where the answer to a join was lost: Kafka knows the new member, we are the old one."""
    coordinator = consumer._coordinator
    now = coordinator._generation
    coordinator._generation = Generation(now.generation_id, member_id, now.protocol)


def test_a_member_fenced_by_its_own_join_joins_anew(member: Any, settings: Settings) -> None:  # noqa: ANN401
    old = member._coordinator._generation.member_id
    member._coordinator.reset_generation()  # as where Kafka does not know it
    wait_until(lambda: has_joined(member))
    assert member._coordinator._generation.member_id != old
    fall_back_to(member, old)
    wait_until(lambda: commits(member, settings))
    assert member._coordinator._generation.member_id != old


def test_so_it_does_when_a_heartbeat_tells(member: Any) -> None:  # noqa: ANN401
    old = member._coordinator._generation.member_id
    member._coordinator.reset_generation()
    wait_until(lambda: has_joined(member))
    fall_back_to(member, old)

    def is_new() -> bool:
        return has_joined(member) and member._coordinator._generation.member_id != old

    wait_until(is_new)


def test_a_member_fenced_by_another_process_is_told(member: Any, settings: Settings) -> None:  # noqa: ANN401
    with closing(connections.requests_consumer(settings, Precedence())) as other:
        join(other, settings)
        with pytest.raises(FencedInstanceIdError):
            wait_until(lambda: not poll(member, 100) and False)
