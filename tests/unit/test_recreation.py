"""Which requests topic is read, told by two who may lag behind each other."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from kafka import TopicPartition
from kafka.cluster import ClusterMetadata
from kafka.consumer.subscription_state import OffsetResetStrategy, SubscriptionState

from consumer.client import Consumer
from consumer.recreation import Recreation

TOPIC = "prediction-requests"
AT = TopicPartition(TOPIC, 0)


class Metadata:
    """What a consumer's metadata shows of the topic."""

    def __init__(self) -> None:
        self.id: str | None = "first"
        self.heard: Any = None

    def add_listener(self, heard: object) -> None:
        self.heard = heard

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return {0} if topic == TOPIC and self.id else None

    def topic_id(self, topic: str) -> str | None:
        assert topic == TOPIC
        return self.id

    def show(self, topic_id: str | None) -> None:
        self.id = topic_id
        self.heard(self)


@pytest.fixture
def metadata() -> Metadata:
    return Metadata()


@pytest.fixture
def consumer(metadata: Metadata) -> SimpleNamespace:
    """One that reads the topic and stands at offset 7."""
    subscription = SubscriptionState("latest")
    subscription.assign_from_user([AT])
    subscription.assignment[AT].seek(7)

    def seek(partition: TopicPartition, offset: int) -> None:
        subscription.assignment[partition].seek(offset)

    return SimpleNamespace(_cluster=metadata, _subscription=subscription, seek=seek)


@pytest.fixture
def recreation(consumer: SimpleNamespace) -> Recreation:
    return Recreation(cast("Consumer", consumer), TOPIC, "first")


def position(consumer: SimpleNamespace) -> int:
    return int(consumer._subscription.assignment[AT].position.offset)


def test_a_topic_that_was_gone_is_read_from_its_beginning(
    metadata: Metadata, consumer: SimpleNamespace, recreation: Recreation
) -> None:
    strategy = consumer._subscription._default_offset_reset_strategy
    assert strategy == OffsetResetStrategy.LATEST
    metadata.show("first")
    metadata.show(None)
    assert (recreation.topic_id, position(consumer)) == ("first", 7)
    metadata.show("second")
    assert (recreation.topic_id, position(consumer)) == ("second", 0)
    strategy = consumer._subscription._default_offset_reset_strategy
    assert strategy == OffsetResetStrategy.EARLIEST


def test_the_same_topic_that_comes_back_is_read_on(
    metadata: Metadata, consumer: SimpleNamespace, recreation: Recreation
) -> None:
    metadata.show(None)
    metadata.show("first")
    metadata.show("second")
    assert (recreation.topic_id, position(consumer)) == ("second", 7)


def test_whoever_lags_behind_does_not_bring_the_old_topic_back(
    metadata: Metadata, consumer: SimpleNamespace, recreation: Recreation
) -> None:
    recreation.saw("second")
    metadata.show("first")
    assert recreation.topic_id == "second"
    metadata.show(None)
    metadata.show("second")
    assert (recreation.topic_id, position(consumer)) == ("second", 0)


def test_kafka_python_has_what_this_rests_on() -> None:
    assert {"add_listener", "partitions_for_topic", "topic_id"} <= set(dir(ClusterMetadata))
