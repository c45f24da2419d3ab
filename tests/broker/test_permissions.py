"""A permission that is missing, or taken away, is named; what it cost comes back with it.

The cluster is secured, its authorizer Kafka's own.
"""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ResourcePattern,
    ResourceType,
)

from broker import EmbeddedCluster
from broker.security import ADMIN
from contract.environment import Environment
from producer import PredictionClient
from service import Service, own_names, running_service, wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates"),
]

USER = "service"
EVENT = {"tv": 1.0, "radio": 2.0, "newspaper": 3.0, "sales": 4.0}
AT_START = "at the start"
TOLD_SECONDS, BACK_SECONDS = 20, 40


@dataclass
class World:
    """A service of the user's, its names, and who gives and takes.

    Attributes:
        secured: The cluster.
        names: Its topics and groups.
        admin: May do all.
    """

    secured: EmbeddedCluster
    names: dict[str, str]
    admin: Any

    def environment(self, user: str) -> dict[str, str]:
        assert self.secured.security is not None
        return self.secured.security.environment(user, self.secured.bootstrap_servers) | self.names

    def resource(self, kind: ResourceType, name: str) -> ResourcePattern:
        return ResourcePattern(
            kind, self.names.get(name) or f"{self.names['APPLICATION_ID']}-{name}"
        )

    def deny(self, on: ResourcePattern, operation: ACLOperation) -> None:
        self.admin.create_acls([ACL(f"User:{USER}", "*", operation, ACLPermissionType.DENY, on)])

    def grant(self, on: ResourcePattern, operation: ACLOperation) -> None:
        denied = ACLFilter(f"User:{USER}", "*", operation, ACLPermissionType.DENY, on)
        self.admin.delete_acls([denied])


@pytest.fixture
def world(secured: EmbeddedCluster) -> Iterator[World]:
    """Whose user may do everything, until something is denied."""
    assert secured.security is not None
    names = own_names(secured.bootstrap_servers)
    environment = secured.security.environment(ADMIN, secured.bootstrap_servers)
    options = {it.removeprefix("KAFKA_").lower(): value for it, value in environment.items()}
    with closing(KafkaAdminClient(**options)) as admin:
        everything = [
            ResourcePattern(ResourceType.TOPIC, "*"),
            ResourcePattern(ResourceType.GROUP, "*"),
            ResourcePattern(ResourceType.CLUSTER, "kafka-cluster"),
        ]
        allow = ACLPermissionType.ALLOW
        admin.create_acls(
            [ACL(f"User:{USER}", "*", ACLOperation.ALL, allow, on) for on in everything]
        )
        yield World(secured, names, admin)


READ_OF = [
    (ResourceType.TOPIC, "EVENTS_TOPIC"),
    (ResourceType.TOPIC, "REQUESTS_TOPIC"),
    (ResourceType.TOPIC, "changelog"),
    (ResourceType.GROUP, "learner"),
    (ResourceType.GROUP, "responder"),
]


@pytest.mark.parametrize("when", ["taken away", AT_START])
@pytest.mark.parametrize(("kind", "name"), READ_OF)
def test_without_the_right_to_read_the_service_lives_says_so_and_goes_on_after_the_grant(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: ResourceType, name: str, when: str
) -> None:
    on = world.resource(kind, name)
    for variable, value in world.environment(ADMIN).items():
        monkeypatch.setenv(variable, value)
    with ExitStack() as stack:
        if when == AT_START:
            world.deny(on, ACLOperation.READ)
        service = stack.enter_context(running_service(**world.environment(USER)))
        stack.callback(lambda: print(service.log.read_text()))  # noqa: T201
        if when != AT_START:
            wait_until(lambda: service.ready)
            world.deny(on, ACLOperation.READ)
        try:
            wait_until(lambda: on.resource_name in told(service), TOLD_SECONDS)
            assert service.process.poll() is None
        finally:
            world.grant(on, ACLOperation.READ)
        wait_until(lambda: service.ready, BACK_SECONDS)
        with PredictionClient(Environment.read(), timeout=30) as client:
            assert client.ask("learn", EVENT)["summary"]["sales"]["count"] == 1


def told(service: Service) -> str:
    """The sentences about permissions in readiness."""
    page = service.page("/readyz") if service.status("/readyz") else ""
    return "\n".join(line for line in page.splitlines() if "does not allow" in line)


def test_topics_that_it_may_not_make_are_named_and_made_after_the_grant(world: World) -> None:
    on = world.resource(ResourceType.TOPIC, "EVENTS_TOPIC")
    cluster = ResourcePattern(ResourceType.CLUSTER, "kafka-cluster")
    for denied in (on, cluster):
        world.deny(denied, ACLOperation.CREATE)
    with running_service(**world.environment(USER)) as service:
        try:
            said = f"topic {on.resource_name} is not there (or not to be seen by us) and we may not"
            wait_until(lambda: service.status("/livez") == HTTPStatus.OK)
            wait_until(lambda: said in service.page("/readyz"), TOLD_SECONDS)
            assert "4 partitions" in service.page("/readyz")
        finally:
            for denied in (on, cluster):
                world.grant(denied, ACLOperation.CREATE)
        wait_until(lambda: service.ready, BACK_SECONDS)


def test_whether_others_answer_is_asked_again_after_the_grant(world: World) -> None:
    on = ResourcePattern(ResourceType.GROUP, f"{world.names['REQUESTS_TOPIC']}.take-over")
    with ExitStack() as stack:
        service = stack.enter_context(running_service(**world.environment(USER)))
        stack.callback(lambda: print(service.log.read_text()))  # noqa: T201
        wait_until(lambda: service.ready)
        world.deny(on, ACLOperation.DESCRIBE)
        try:
            said = f"group {on.resource_name}: whether another application answers is not known"
            wait_until(lambda: said in service.log.read_text(), TOLD_SECONDS)
            assert service.ready
        finally:
            world.grant(on, ACLOperation.DESCRIBE)
        wait_until(lambda: "right again" in service.log.read_text(), BACK_SECONDS)


WRITE_TO = [
    ("changelog", "has not been saved"),
    ("DEAD_LETTER_TOPIC", "dead letters"),
    ("REPLIES_TOPIC", "replies to it are lost"),
]


@pytest.mark.parametrize(("name", "sentence"), WRITE_TO)
def test_without_the_right_to_write_nothing_is_lost_and_readiness_says_what_waits(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str, sentence: str
) -> None:
    on = world.resource(ResourceType.TOPIC, name)
    for variable, setting in world.environment(ADMIN).items():
        monkeypatch.setenv(variable, setting)
    settings = Environment.read()
    with ExitStack() as stack:
        service = stack.enter_context(running_service(**world.environment(USER)))
        stack.callback(lambda: print(service.log.read_text()))  # noqa: T201
        wait_until(lambda: service.ready)
        client = stack.enter_context(PredictionClient(settings, timeout=60))
        producer = stack.enter_context(closing(KafkaProducer(**settings.client_options())))
        world.deny(on, ACLOperation.WRITE)
        try:
            for value in (orjson.dumps(EVENT), b"not an event", orjson.dumps(EVENT)):
                producer.send(settings.events_topic, value).get(timeout=30)
            asking = stack.enter_context(ThreadPoolExecutor(1))
            asked = asking.submit(client.ask, "describe")
            wait_until(lambda: sentence in service.page("/readyz"), TOLD_SECONDS)
            assert service.process.poll() is None
        finally:
            world.grant(on, ACLOperation.WRITE)
        wait_until(lambda: service.ready, BACK_SECONDS)
        assert "summary" in asked.result()
        assert service.metric("riverline_model_events") == 2
        wait_until(lambda: letters(settings, world.names["DEAD_LETTER_TOPIC"]) == 1)


def letters(settings: Environment, topic: str) -> int:
    """How many records a topic has."""
    with closing(KafkaConsumer(**settings.client_options(), group_id=None)) as consumer:
        at = [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic)]
        return int(sum(consumer.end_offsets(at).values()))
