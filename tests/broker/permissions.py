"""A service whose user may do everything, until something is denied."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

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
from support.service import Service, own_names

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


def told(service: Service) -> str:
    """The sentences about permissions in readiness."""
    page = service.page("/readyz") if service.status("/readyz") else ""
    return "\n".join(line for line in page.splitlines() if "does not allow" in line)


@contextmanager
def opened(secured: EmbeddedCluster) -> Iterator[World]:
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
