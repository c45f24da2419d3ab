"""A secured cluster: TLS everywhere, users with passwords, certificates and tokens, and ACLs.

Clients have two listeners: SASL_SSL for passwords (SCRAM and PLAIN) and tokens, SSL for those with
a certificate.  Brokers and controllers speak with each other over mutual TLS too.  The principal
is User:NAME in each case, so that an ACL for a user holds however it authenticates.
"""

import json
import secrets
import shlex
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from broker.certificates import Authority
from broker.errors import DataFolderError
from broker.folder import new_cluster_id
from broker.tokens import TokenIssuer

ADMIN = "admin"
"""The user that may do everything."""

BROKER = "broker"
"""The principal of brokers and controllers, which may do everything too."""
_MODULES = "org.apache.kafka.common.security"

# Files are relative to the process's working directory: Java's properties know ASCII alone.
_PROPERTIES = {
    "listener.security.protocol.map": "SASL_SSL:SASL_SSL,SSL:SSL,CONTROLLER:SSL",
    "inter.broker.listener.name": "SSL",
    "ssl.keystore.type": "PEM",
    "ssl.keystore.location": "broker.pem",
    "ssl.truststore.type": "PEM",
    "ssl.truststore.location": "ca.pem",
    "listener.name.ssl.ssl.client.auth": "required",
    "listener.name.controller.ssl.client.auth": "required",
    "ssl.principal.mapping.rules": "RULE:^CN=([^,]+)$/$1/,DEFAULT",
    "sasl.enabled.mechanisms": "SCRAM-SHA-512,SCRAM-SHA-256,PLAIN,OAUTHBEARER",
    **{
        f"listener.name.sasl_ssl.{mechanism}.sasl.jaas.config": f"{_MODULES}.{module} required;"
        for mechanism, module in {
            "scram-sha-512": "scram.ScramLoginModule",
            "scram-sha-256": "scram.ScramLoginModule",
            "oauthbearer": "oauthbearer.OAuthBearerLoginModule",
        }.items()
    },
    "listener.name.sasl_ssl.oauthbearer.sasl.server.callback.handler.class": (
        f"{_MODULES}.oauthbearer.OAuthBearerValidatorCallbackHandler"
    ),
    # An address must be absolute: this is the process's working directory (Linux).
    "listener.name.sasl_ssl.oauthbearer.sasl.oauthbearer.jwks.endpoint.url": (
        "file:///proc/self/cwd/jwks.json"
    ),
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": f"User:{ADMIN};User:{BROKER}",
    "allow.everyone.if.no.acl.found": "false",
}


class Security:
    """The keys and passwords of a secured cluster, in a folder that outlives it."""

    def __init__(self, folder: Path | str, users: Sequence[str] = ("riverline",)) -> None:
        """Name the folder; nothing is written yet.

        Args:
            folder: created if missing, readable by us only; its contents are reused.
            users: users besides `admin`, with a password and a certificate, subject to ACLs.
                Not `broker`, which is the brokers' own name.
        """
        self.folder = Path(folder).absolute()
        self.users = (ADMIN, *users)
        self.passwords: Mapping[str, str] = {}

    def prepare(self, cluster_id: str | None) -> str:
        """Make what the folder doesn't have yet; the id of the cluster that it belongs to.

        Args:
            cluster_id: of the cluster whose records are there already; None for a new one.

        Raises:
            DataFolderError: the cluster that is there has other users, or other passwords.
            BrokerError: the keys can't be made.
            OSError: the folder can't be written.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self.folder / "users.json"
        kept = json.loads(file.read_bytes()) if file.exists() else {"passwords": {}}
        if cluster_id is None:
            new = {user: secrets.token_urlsafe(18) for user in self.users}
            kept = {
                "cluster_id": kept.get("cluster_id", new_cluster_id()),
                "passwords": {**new, **kept["passwords"]},
            }
            _write(file, json.dumps(kept, indent=2))
        elif kept.get("cluster_id") != cluster_id or not set(self.users) <= set(kept["passwords"]):
            raise DataFolderError(
                f"The passwords in {self.folder} aren't those of the cluster whose records are "
                "there already: name the folder of its first start, or a new folder for the data."
            )
        self.passwords = {user: kept["passwords"][user] for user in self.users}
        for user in self.users:
            if not (self.folder / f"{user}.pem").exists():
                self.authority.issue(user)
        return str(kept["cluster_id"])

    @cached_property
    def authority(self) -> Authority:
        """Who signs the certificates: to issue more of them."""
        return Authority(self.folder)

    @cached_property
    def tokens(self) -> TokenIssuer:
        """Who signs bearer tokens."""
        return TokenIssuer(self.folder)

    def properties(self) -> dict[str, str]:
        """What makes a broker a secured one, but for its addresses."""
        users = " ".join(f'user_{user}="{password}"' for user, password in self.passwords.items())
        plain = f"{_MODULES}.plain.PlainLoginModule required {users};"
        return {**_PROPERTIES, "listener.name.sasl_ssl.plain.sasl.jaas.config": plain}

    def first_users(self) -> list[str]:
        """StorageTool's arguments that give a new cluster its users."""
        return [
            argument
            for user, password in self.passwords.items()
            for mechanism in ("SCRAM-SHA-512", "SCRAM-SHA-256")
            for argument in ("--add-scram", f"{mechanism}=[name={user},password={password}]")
        ]

    def equip(self, broker: Path, host: str) -> None:
        """Write what a broker needs into its folder, its certificate for that host.

        Raises:
            BrokerError: the certificate can't be made.
            OSError: the folder can't be written.
        """
        made = self.authority.issue(BROKER, hosts=[host])
        _write(broker / "broker.pem", made.key.read_text() + made.certificate.read_text())
        (broker / "ca.pem").write_bytes(self.authority.certificate.read_bytes())
        (broker / "jwks.json").write_bytes(self.tokens.key_set())

    def environment(
        self, user: str, servers: str, mechanism: str = "SCRAM-SHA-512"
    ) -> dict[str, str]:
        """The KAFKA_* variables of a user with a password, on the SASL_SSL listeners."""
        return {
            "KAFKA_BOOTSTRAP_SERVERS": servers,
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_SASL_MECHANISM": mechanism,
            "KAFKA_SASL_PLAIN_USERNAME": user,
            "KAFKA_SASL_PLAIN_PASSWORD": self.passwords[user],
            "KAFKA_SSL_CAFILE": str(self.folder / "ca.pem"),
        }

    def tls_environment(self, user: str, servers: str) -> dict[str, str]:
        """The KAFKA_* variables of a user with a certificate, on the SSL listeners."""
        return {
            "KAFKA_BOOTSTRAP_SERVERS": servers,
            "KAFKA_SECURITY_PROTOCOL": "SSL",
            "KAFKA_SSL_CAFILE": str(self.folder / "ca.pem"),
            "KAFKA_SSL_CERTFILE": str(self.folder / f"{user}.pem"),
            "KAFKA_SSL_KEYFILE": str(self.folder / f"{user}.key"),
        }

    def publish(self, servers: str, tls_servers: str) -> None:
        """Write each user's ways in: USER.env, USER-tls.env; admin.properties for Kafka's tools.

        Raises:
            OSError: the folder can't be written.
        """
        for user in self.users:
            _export(self.folder / f"{user}.env", self.environment(user, servers))
            _export(self.folder / f"{user}-tls.env", self.tls_environment(user, tls_servers))
        login = f'username="{ADMIN}" password="{self.passwords[ADMIN]}"'
        tools = {
            "bootstrap.servers": servers,
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.jaas.config": f"{_MODULES}.scram.ScramLoginModule required {login};",
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.folder / "ca.pem"),
        }
        lines = [f"{name}={value}\n" for name, value in tools.items()]
        _write(self.folder / f"{ADMIN}.properties", "".join(lines))


def _export(file: Path, environment: Mapping[str, str]) -> None:
    """Write the variables as a shell reads them."""
    lines = [f"{name}={shlex.quote(value)}\n" for name, value in environment.items()]
    _write(file, "".join(lines))


def _write(file: Path, text: str) -> None:
    """Write a file that only we can read."""
    file.touch(mode=0o600)
    file.write_text(text)
