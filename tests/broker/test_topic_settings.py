"""The service on topics that were there before it, with other settings than it would give them."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ResourcePattern, ResourceType

from broker import EmbeddedKafka
from support.service import own_names, running_service
from support.waiting import wait_until

from .conftest import Start

ACLS = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "true",
}


def create(servers: str, topics: Mapping[str, Mapping[str, str]]) -> None:
    """Create topics with these settings."""
    with closing(KafkaAdminClient(bootstrap_servers=servers)) as admin:
        admin.create_topics(
            {name: {"num_partitions": 1, "configs": dict(own)} for name, own in topics.items()}
        )


def test_what_the_topics_settings_cost_is_said_at_the_start(
    kafka: str, names: dict[str, str], start: Start
) -> None:
    events, replies = names["EVENTS_TOPIC"], names["REPLIES_TOPIC"]
    changelog = f"{names['APPLICATION_ID']}-changelog"
    create(
        kafka,
        {
            events: {"retention.ms": "604800000"},
            replies: {"cleanup.policy": "compact"},
            changelog: {"cleanup.policy": "compact"},
        },
    )
    said = start().log.read_text()
    warnings = [line for line in said.splitlines() if "level=warning" in line]
    assert len(warnings) == 3, said
    for topic, words in (
        (events, "a relearning can reach back 7 days"),
        (replies, "without a key"),
        (changelog, "max.message.bytes=1048588"),
    ):
        assert any(topic in line and words in line for line in warnings), (topic, said)


@pytest.mark.parametrize(
    "policy", ["delete", pytest.param("compact,delete", marks=pytest.mark.slow)]
)
def test_a_changelog_that_would_lose_the_state_is_refused(
    kafka: str, names: dict[str, str], start: Start, policy: str
) -> None:
    changelog = f"{names['APPLICATION_ID']}-changelog"
    create(kafka, {names["EVENTS_TOPIC"]: {}, changelog: {"cleanup.policy": policy}})
    service = start(wait=False)
    assert service.process.wait(timeout=30) == 1
    last = service.log.read_text().splitlines()[-1]
    assert f"topic {changelog} must have cleanup.policy=compact, and has {policy}:" in last


@contextmanager
def denied(servers: str, topics: list[str]) -> Iterator[None]:
    """Nobody may see the settings of these topics; everything else is allowed."""
    acls = [
        ACL("User:*", "*", operation, permission, ResourcePattern(ResourceType.TOPIC, topic))
        for topic in topics
        for operation, permission in (
            (ACLOperation.ALL, ACLPermissionType.ALLOW),
            (ACLOperation.DESCRIBE_CONFIGS, ACLPermissionType.DENY),
        )
    ]
    with closing(KafkaAdminClient(bootstrap_servers=servers)) as admin:
        admin.create_acls(acls)
        yield


@pytest.mark.slow
def test_a_changelog_whose_settings_are_denied_to_us_is_not_said_to_be_wrong() -> None:
    with EmbeddedKafka(properties=ACLS) as embedded:
        servers = embedded.bootstrap_servers
        names = own_names(servers)
        changelog = f"{names['APPLICATION_ID']}-changelog"
        create(servers, {names["EVENTS_TOPIC"]: {}, changelog: {"cleanup.policy": "compact"}})
        with denied(servers, [changelog]), running_service(**names) as service:
            wait_until(lambda: service.ready or service.process.poll() is not None)
            said = service.log.read_text()
            assert service.ready, said
            assert "not shown to us" in said
            assert "level=warning" not in said
