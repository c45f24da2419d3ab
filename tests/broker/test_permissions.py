"""A permission that is missing, or taken away, is named; what it cost comes back with it.

The cluster is secured, its authorizer Kafka's own.
"""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from http import HTTPStatus

import pytest
from kafka.admin import (
    ACLOperation,
    ResourcePattern,
    ResourceType,
)

from broker import EmbeddedCluster
from broker.security import ADMIN
from contract.environment import Environment
from producer import PredictionClient
from support.service import running_service
from support.waiting import wait_until

from .permissions import AT_START, BACK_SECONDS, EVENT, TOLD_SECONDS, USER, World, opened, told

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates"),
]

GROWN_SECONDS = 60
"""Until the members of a group hear of new partitions."""


@pytest.fixture
def world(secured: EmbeddedCluster) -> Iterator[World]:
    """Whose user may do everything, until something is denied."""
    with opened(secured) as world:
        yield world


READ_OF = [
    (ResourceType.TOPIC, "EVENTS_TOPIC", "nothing is learned"),
    (ResourceType.TOPIC, "REQUESTS_TOPIC", "nothing is answered"),
    (ResourceType.TOPIC, "changelog", "no saved state is read"),
    (ResourceType.GROUP, "learner", "nothing is learned"),
    (ResourceType.GROUP, "responder", "nothing is answered"),
]


@pytest.mark.parametrize("when", ["taken away", AT_START])
@pytest.mark.parametrize(("kind", "name", "costs"), READ_OF)
def test_without_the_right_to_read_the_service_lives_says_so_and_goes_on_after_the_grant(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    kind: ResourceType,
    name: str,
    costs: str,
    when: str,
) -> None:
    on = world.resource(kind, name)
    said = f"READ on {kind.name.lower()} {on.resource_name}: {costs} until"
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
            wait_until(lambda: said in told(service), TOLD_SECONDS)
            assert service.process.poll() is None
        finally:
            world.grant(on, ACLOperation.READ)
        wait_until(lambda: service.ready, BACK_SECONDS)
        with PredictionClient(Environment.read(), timeout=30) as client:
            assert client.ask("learn", EVENT)["summary"]["sales"]["count"] == 1


def test_topics_that_it_may_not_make_are_named_and_made_after_the_grant(world: World) -> None:
    on = world.resource(ResourceType.TOPIC, "EVENTS_TOPIC")
    cluster = ResourcePattern(ResourceType.CLUSTER, "kafka-cluster")
    for denied in (on, cluster):
        world.deny(denied, ACLOperation.CREATE)
    with running_service(**world.environment(USER)) as service:
        try:
            said = f"CREATE on topic {on.resource_name}, which is not there"
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
        wait_until(lambda: "recovered" in service.log.read_text(), BACK_SECONDS)


LESSER = [
    ("EVENTS_TOPIC", ACLOperation.WRITE, "events sent as requests are refused"),
    ("EVENTS_TOPIC", ACLOperation.DESCRIBE_CONFIGS, "what its settings cost is not known"),
    ("changelog", ACLOperation.DESCRIBE_CONFIGS, "what its settings cost is not known"),
    (None, ACLOperation.DESCRIBE, "whether another application answers is not known"),
]


@pytest.mark.parametrize("when", ["taken away", AT_START])
def test_what_is_lost_to_nobody_is_named_and_the_service_is_ready(world: World, when: str) -> None:
    cluster = ResourcePattern(ResourceType.CLUSTER, "kafka-cluster")
    denied = [
        (world.resource(ResourceType.TOPIC, name) if name else cluster, it)
        for name, it, _ in LESSER
    ]
    about = [
        f"{operation.name} on {on.resource_type.name.lower()} {on.resource_name}"
        for on, operation in denied
    ]
    said = [
        f"Kafka does not allow us {it}: {row[2]} until"
        for it, row in zip(about, LESSER, strict=True)
    ]
    with ExitStack() as stack:
        if when == AT_START:
            for on, operation in denied:
                world.deny(on, operation)
        service = stack.enter_context(running_service(**world.environment(USER)))
        stack.callback(lambda: print(service.log.read_text()))  # noqa: T201
        wait_until(lambda: service.ready)
        if when != AT_START:
            for on, operation in denied:
                world.deny(on, operation)
        try:
            wait_until(lambda: all(it in service.log.read_text() for it in said), TOLD_SECONDS)
            assert service.ready
        finally:
            for on, operation in denied:
                world.grant(on, operation)
        over = [f'event=recovered about="{it}"' for it in about]
        wait_until(lambda: all(it in service.log.read_text() for it in over), BACK_SECONDS)


def test_a_changelog_that_may_not_grow_with_the_events_is_named_and_grows_after_the_grant(
    world: World,
) -> None:
    on = world.resource(ResourceType.TOPIC, "changelog")
    with ExitStack() as stack:
        service = stack.enter_context(running_service(**world.environment(USER)))
        stack.callback(lambda: print(service.log.read_text()))  # noqa: T201
        wait_until(lambda: service.ready)
        world.deny(on, ACLOperation.ALTER)
        try:
            world.admin.create_partitions({world.names["EVENTS_TOPIC"]: 6})
            wait_until(lambda: f"ALTER on topic {on.resource_name}" in told(service), GROWN_SECONDS)
            assert service.process.poll() is None
        finally:
            world.grant(on, ACLOperation.ALTER)
        wait_until(lambda: service.ready, BACK_SECONDS)
