"""Which requests topic is read, told by two who may lag behind each other."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import pytest
from kafka.consumer.subscription_state import OffsetResetStrategy, SubscriptionState

from consumer.client.internals.group import read_what_is_new
from consumer.client.protocols import Consumer
from consumer.respond.recreation import Recreation

TOPIC = "prediction-requests"


class Metadata:
    """What a consumer's metadata shows of the topic."""

    def __init__(self) -> None:
        self.id: str | None = "first"
        self.heard: Callable[[Metadata], None] | None = None

    def add_listener(self, heard: Callable[["Metadata"], None]) -> None:
        self.heard = heard

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return {0} if topic == TOPIC and self.id else None

    def topic_id(self, topic: str) -> str | None:
        assert topic == TOPIC
        return self.id

    def show(self, topic_id: str | None) -> None:
        self.id = topic_id
        assert self.heard is not None
        self.heard(self)


@pytest.fixture
def metadata() -> Metadata:
    return Metadata()


@pytest.fixture
def recreation(metadata: Metadata) -> Recreation:
    consumer = cast("Consumer", SimpleNamespace(_cluster=metadata))
    return Recreation(consumer, TOPIC, "first")


def test_the_id_is_that_of_the_topic_that_is_read(
    metadata: Metadata, recreation: Recreation
) -> None:
    for shown, due in (("first", "first"), (None, "first"), ("second", "second")):
        metadata.show(shown)
        assert recreation.topic_id == due


def test_whoever_lags_behind_does_not_bring_the_old_topic_back(
    metadata: Metadata, recreation: Recreation
) -> None:
    recreation.saw("second")
    metadata.show("first")
    assert recreation.topic_id == "second"
    metadata.show("third")
    recreation.saw("second")
    assert recreation.topic_id == "third"


def test_from_now_on_partitions_without_a_position_are_read_from_their_beginning() -> None:
    subscription = SubscriptionState("latest")
    assert subscription._default_offset_reset_strategy == OffsetResetStrategy.LATEST
    read_what_is_new(cast("Consumer", SimpleNamespace(_subscription=subscription)))
    assert subscription._default_offset_reset_strategy == OffsetResetStrategy.EARLIEST
