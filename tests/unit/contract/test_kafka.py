"""No client of ours creates a topic by asking, or waits without a limit where TLS begins."""

import socket
import threading
from types import SimpleNamespace

import pytest
from kafka import KafkaAdminClient
from kafka.cluster import ClusterMetadata
from kafka.errors import KafkaError

from consumer.client.connections import connect
from contract.environment import Environment
from contract.internals.connections import NetClient, TopicCreationError, never_create_topics


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


def test_a_server_that_keeps_silent_where_tls_begins_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", f"127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "SSL")
        options = Environment.read().admin_options()
        told: list[Exception] = []

        def open_one() -> None:
            try:
                connect(KafkaAdminClient, **options, bootstrap_timeout_ms=200)
            except KafkaError as error:
                told.append(error)

        thread = threading.Thread(target=open_one, daemon=True)
        thread.start()
        thread.join(5)
    assert not thread.is_alive()
    assert len(told) == 1
