"""A permission that is taken away is named, and what it cost comes back with it.

The cluster is secured, its authorizer Kafka's own.
"""

import shutil
from contextlib import closing

import pytest
from kafka import KafkaAdminClient
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
from service import own_names, running_service, wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates"),
]

USER = "riverline"


@pytest.mark.parametrize(
    ("kind", "name", "sentence"),
    [
        (ResourceType.TOPIC, "EVENTS_TOPIC", "topic {}"),
        (ResourceType.TOPIC, "REQUESTS_TOPIC", "topic {}"),
    ],
)
def test_whose_read_is_taken_away_the_service_lives_says_so_and_goes_on_after_the_grant(
    secured: EmbeddedCluster, kind: ResourceType, name: str, sentence: str
) -> None:
    assert secured.security is not None
    names = own_names(secured.bootstrap_servers)
    resource = names.get(name, f"{names['APPLICATION_ID']}-{name}")
    denied = ACL(
        f"User:{USER}",
        "*",
        ACLOperation.READ,
        ACLPermissionType.DENY,
        ResourcePattern(kind, resource),
    )
    environment = secured.security.environment(ADMIN, secured.bootstrap_servers)
    options = {it.removeprefix("KAFKA_").lower(): value for it, value in environment.items()}
    with closing(KafkaAdminClient(**options)) as admin:
        admin.create_acls(
            [
                ACL(f"User:{USER}", "*", ACLOperation.ALL, ACLPermissionType.ALLOW, on)
                for on in (
                    ResourcePattern(ResourceType.TOPIC, "*"),
                    ResourcePattern(ResourceType.GROUP, "*"),
                    ResourcePattern(ResourceType.CLUSTER, "kafka-cluster"),
                )
            ]
        )
        user = secured.security.environment(USER, secured.bootstrap_servers)
        with running_service(**names, **{k: v for k, v in user.items() if k not in names}) as it:
            try:
                wait_until(lambda: it.ready)
                admin.create_acls([denied])
                wait_until(lambda: sentence.format(resource) in it.page("/readyz"), 20)
                assert it.process.poll() is None
                admin.delete_acls(
                    [
                        ACLFilter(
                            f"User:{USER}",
                            "*",
                            ACLOperation.READ,
                            ACLPermissionType.DENY,
                            ResourcePattern(kind, resource),
                        )
                    ]
                )
                wait_until(lambda: it.ready, 30)
            finally:
                print(it.log.read_text())  # noqa: T201 - pytest shows it of a failed test
