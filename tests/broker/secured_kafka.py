"""A secured Kafka, and the ways in of a user who may do all."""

import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ResourcePattern,
    ResourceType,
    UserScramCredentialUpsertion,
)

from broker import EmbeddedCluster, Security
from broker.security import ADMIN
from support.service import Service, running_service

USER, PASSWORD, SECRET = "doors", "pa55-of-doors", "s3cret-of-doors"
CLIENT = "Basic " + b64encode(f"{USER}:{SECRET}".encode()).decode()
OAUTH = "KAFKA_SASL_OAUTHBEARER"


@dataclass(frozen=True, slots=True)
class Kafka:
    """A secured cluster, and the ways in of a user who may do all."""

    cluster: EmbeddedCluster
    folder: Path

    @property
    def security(self) -> Security:
        assert self.cluster.security is not None
        return self.cluster.security

    @property
    def server(self) -> str:
        """One of them."""
        return self.cluster.bootstrap_servers.split(",")[0]

    def login(self, servers: str = "", mechanism: str = "SCRAM-SHA-512") -> dict[str, str]:
        servers = servers or self.cluster.bootstrap_servers
        environment = self.security.environment(ADMIN, servers, mechanism)
        login = {"KAFKA_SASL_PLAIN_USERNAME": USER, "KAFKA_SASL_PLAIN_PASSWORD": PASSWORD}
        return environment | login

    def certificate(self) -> dict[str, str]:
        return self.security.tls_environment(USER, self.cluster.tls_servers)

    def bearer(self) -> dict[str, str]:
        environment = self.login(mechanism="OAUTHBEARER")
        return {name: value for name, value in environment.items() if "PLAIN" not in name}

    def endpoint(self, port: int) -> dict[str, str]:
        return self.bearer() | {
            f"{OAUTH}_TOKEN_ENDPOINT_URL": f"http://127.0.0.1:{port}/token",
            f"{OAUTH}_CLIENT_ID": USER,
            f"{OAUTH}_CLIENT_SECRET": SECRET,
        }

    def set_password(self, user: str, password: str, mechanism: str = "SCRAM-SHA-512") -> None:
        environment = self.security.environment(ADMIN, self.cluster.bootstrap_servers)
        options = {name.removeprefix("KAFKA_").lower(): it for name, it in environment.items()}
        with KafkaAdminClient(**options) as admin:
            credential = UserScramCredentialUpsertion(user, mechanism, password)
            assert admin.alter_user_scram_credentials([credential]) == {user: None}
            admin.create_acls(
                [
                    ACL(f"User:{user}", "*", ACLOperation.ALL, ACLPermissionType.ALLOW, on)
                    for on in (
                        ResourcePattern(ResourceType.TOPIC, "*"),
                        ResourcePattern(ResourceType.GROUP, "*"),
                        ResourcePattern(ResourceType.CLUSTER, "kafka-cluster"),
                    )
                ]
            )


@contextmanager
def running(environment: dict[str, str]) -> Iterator[Service]:
    """A service; what it says is shown of a test that fails."""
    with running_service(**environment) as service:
        try:
            yield service
        finally:
            print(service.log.read_text())  # noqa: T201 - pytest shows it of a failed test


def told(service: Service, sentence: str) -> int:
    """How often the log tells of it."""
    lines = service.log.read_text().splitlines()
    return sum("event=fault" in line and sentence in line for line in lines)


def produce(environment: dict[str, str], *command: str) -> tuple[int, str]:
    """A command of the producer's: its exit code, and its answer or what it has against it."""
    done = subprocess.run(
        [sys.executable, "-m", "producer", *command],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout if done.returncode == 0 else done.stderr
