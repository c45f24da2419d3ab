"""No client of ours creates a topic by asking, and a kafka-python that would is refused."""

from types import SimpleNamespace

import pytest
from kafka.cluster import ClusterMetadata

from contract.environment import Environment
from contract.kafka import NetClient, TopicCreationError, never_create_topics


def cluster(**request: object) -> object:
    """Metadata that asks so, whatever it is told."""
    return SimpleNamespace(config={}, metadata_request=lambda: SimpleNamespace(**request))


def test_metadata_is_asked_for_without_creating_anything() -> None:
    metadata = ClusterMetadata()
    assert metadata.metadata_request().allow_auto_topic_creation is True
    never_create_topics(metadata)
    assert metadata.metadata_request().allow_auto_topic_creation is False


def test_every_client_is_given_such_connections() -> None:
    assert Environment().client_options()["kafka_client"] is NetClient


@pytest.mark.parametrize(
    "other",
    [cluster(allow_auto_topic_creation=True), cluster(may_create=False), SimpleNamespace()],
    ids=["still creates", "the field has another name", "the configuration is elsewhere"],
)
def test_a_kafka_python_that_would_create_topics_is_refused_by_name(other: object) -> None:
    with pytest.raises(TopicCreationError, match=r"kafka-python \d+\.\d+.* cannot be kept from"):
        never_create_topics(other)
