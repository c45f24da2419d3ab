"""A service of each test's own, on the session's Kafka."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from kafka import KafkaAdminClient

from broker import EmbeddedCluster
from consumer.client import connections
from consumer.client.topics.creation import ensure_topics
from consumer.client.topics.replication import Replication
from consumer.settings import Settings
from contract.environment import Environment
from support.service import Service, own_names, running_service
from support.waiting import wait_until

from .secured_kafka import PASSWORD, USER, Kafka

Start = Callable[..., Service]


@pytest.fixture
def names(kafka: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a test: topics and groups that no other test has."""
    names = own_names(kafka)
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    return names


@pytest.fixture
def settings(names: dict[str, str]) -> Environment:
    """What a client of this test reads from the environment."""
    assert names.items() <= os.environ.items()
    return Environment.read()


@pytest.fixture
def service_settings(names: dict[str, str]) -> Settings:
    """What a service of this test reads from the environment; its topics are there."""
    assert names
    settings = Settings()
    with closing(connections.admin(settings)) as admin:
        ensure_topics(admin, settings.topics, Replication.of(settings, 1))
    return settings


@pytest.fixture
def start(names: dict[str, str]) -> Iterator[Start]:
    """Start a service, and wait until it is ready unless told not to."""
    assert names
    with ExitStack() as stack:

        @contextmanager
        def started(environment: dict[str, str], *, wait: bool) -> Iterator[Service]:
            with running_service(**environment) as service:
                try:
                    if wait:
                        _wait_until_it_starts(service)
                        assert service.process.poll() is None, service.log.read_text()
                    yield service
                finally:
                    print(service.log.read_text())  # noqa: T201 - pytest shows it of a failed test

        def begin(*, wait: bool = True, **environment: str) -> Service:
            return stack.enter_context(started(environment, wait=wait))

        yield begin


def _wait_until_it_starts(service: Service) -> None:
    try:
        wait_until(lambda: service.ready or service.process.poll() is not None)
    except TimeoutError:
        service.process.send_signal(signal.SIGUSR1)  # where every thread stands
        wait_until(lambda: "MainThread" in service.log.read_text())
        raise


@pytest.fixture
def partitioned(kafka: str, settings: Environment) -> Environment:
    """The same, with an events topic of three partitions."""
    with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
        admin.create_topics({settings.events_topic: {"num_partitions": 3}})
    return settings


@pytest.fixture
def service(start: Start) -> Service:
    """A ready service."""
    return start()


@pytest.fixture
def secured_kafka(secured: EmbeddedCluster, tmp_path: Path) -> Kafka:
    """The session's secured Kafka, the user of these tests as he was."""
    it = Kafka(secured, tmp_path)
    it.set_password(USER, PASSWORD)
    it.security.authority.issue(USER)
    return it
