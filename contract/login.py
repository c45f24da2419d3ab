"""How we come in to Kafka: the variables of all parts, and what kafka-python makes of them."""

import os
import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from kafka import KafkaAdminClient
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from contract.internals.connections import NetClient
from contract.internals.tokens import Provider
from contract.tls import Files
from contract.tokens import Endpoint, Function


def split_names(value: object) -> object:
    """Split ``a,b,c`` into its names."""
    if isinstance(value, str):
        return tuple(name.strip() for name in value.split(",") if name.strip())
    return value


def _readable(path: Path) -> Path:
    if not (path.is_file() and os.access(path, os.R_OK)):
        raise ValueError("names a file that cannot be read")
    return path


SECURITY = ("KAFKA_SECURITY_PROTOCOL", "KAFKA_SASL_", "KAFKA_SSL_")
"""How the variables begin that say how we come in."""

ReadableFile = Annotated[Path, AfterValidator(_readable)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split_names)]
LAST_PORT = 65535
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]


class Login(BaseSettings):
    """Where Kafka is, and how it lets us in."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    kafka_bootstrap_servers: Names = Field(
        ("127.0.0.1:9092",), description="where Kafka is: HOST:PORT[,HOST:PORT...]", min_length=1
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"
    )
    kafka_sasl_mechanism: Mechanism | None = Field(
        None, description="PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER"
    )
    kafka_sasl_plain_username: str | None = Field(None, description="for PLAIN and SCRAM")
    kafka_sasl_plain_password: SecretStr | None = Field(None, description="for PLAIN and SCRAM")
    kafka_sasl_oauthbearer_token_endpoint_url: str | None = Field(
        None, pattern=r"^https?://\S+$", description="where OAUTHBEARER's tokens come from"
    )
    kafka_sasl_oauthbearer_client_id: str | None = Field(None, description="for the token endpoint")
    kafka_sasl_oauthbearer_client_secret: SecretStr | None = Field(
        None, description="for the token endpoint"
    )
    kafka_sasl_oauthbearer_scope: str | None = Field(
        None, description="what the token is for, if asked"
    )
    kafka_sasl_oauth_token_provider: str | None = Field(
        None, description="or a function that returns tokens: package.module:function"
    )
    kafka_ssl_cafile: ReadableFile | None = Field(
        None, description="who may sign the broker's certificate"
    )
    kafka_ssl_certfile: ReadableFile | None = Field(
        None, description="our certificate, for mutual TLS"
    )
    kafka_ssl_keyfile: ReadableFile | None = Field(
        None, description="our private key, for mutual TLS"
    )
    kafka_ssl_password: SecretStr | None = Field(None, description="of the private key")
    kafka_ssl_crlfile: ReadableFile | None = Field(None, description="revoked certificates")
    kafka_ssl_ciphers: str | None = Field(None, description="OpenSSL's cipher list")
    kafka_ssl_check_hostname: bool = Field(
        default=True, description="the broker's certificate must name its host"
    )

    @field_validator("kafka_bootstrap_servers")
    @classmethod
    def _servers_have_ports(cls, servers: tuple[str, ...]) -> tuple[str, ...]:
        found = [re.fullmatch(r".+:(\d{1,5})", server) for server in servers]
        if not all(it and int(it[1]) <= LAST_PORT for it in found):
            raise ValueError("must be HOST:PORT,...")
        return servers

    @field_validator("kafka_sasl_oauth_token_provider")
    @classmethod
    def _provider_is_there(cls, path: str | None) -> str | None:
        if path is not None:
            Function(path)
        return path

    @model_validator(mode="before")
    @classmethod
    def _empty_options_are_none(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {name: it for name, it in given.items() if it != "" or not is_security(name)}

    @property
    def tls_files(self) -> Files:
        """What TLS is to use, if it is spoken."""
        return Files(
            authorities=self.kafka_ssl_cafile,
            certificate=self.kafka_ssl_certfile,
            key=self.kafka_ssl_keyfile,
            password=_secret(self.kafka_ssl_password),
            revoked=self.kafka_ssl_crlfile,
            ciphers=self.kafka_ssl_ciphers,
            check_host=self.kafka_ssl_check_hostname,
        )

    @cached_property
    def tokens(self) -> Provider | None:
        """Where OAUTHBEARER's tokens come from, the same for all connections."""
        if self.kafka_sasl_mechanism != "OAUTHBEARER":
            return None
        if self.kafka_sasl_oauth_token_provider is not None:
            return Provider(Function(self.kafka_sasl_oauth_token_provider))
        return Provider(
            Endpoint(
                self.kafka_sasl_oauthbearer_token_endpoint_url or "",
                self.kafka_sasl_oauthbearer_client_id or "",
                _secret(self.kafka_sasl_oauthbearer_client_secret),
                self.kafka_sasl_oauthbearer_scope,
            )
        )

    def client_options(self) -> dict[str, Any]:
        """kafka-python's options for reaching and trusting the broker.

        An outage ends within a second or two of the broker's return, and no client ever creates
        a topic by asking about it.
        """
        options: dict[str, Any] = {
            "bootstrap_servers": list(self.kafka_bootstrap_servers),
            "security_protocol": self.kafka_security_protocol,
            "reconnect_backoff_max_ms": 1000,
            "kafka_client": NetClient,
        }
        if self.kafka_security_protocol.endswith("SSL"):
            options["ssl_context"] = self.tls_files
        return options | self.login_options()

    def login_options(self) -> dict[str, Any]:
        """The part of them that logs in."""
        if self.kafka_sasl_mechanism is None:
            return {}
        options: dict[str, Any] = {"sasl_mechanism": self.kafka_sasl_mechanism}
        if self.tokens is not None:
            return options | {"sasl_oauth_token_provider": self.tokens}
        return options | {
            "sasl_plain_username": self.kafka_sasl_plain_username,
            "sasl_plain_password": _secret(self.kafka_sasl_plain_password),
        }

    def admin_options(self) -> dict[str, Any]:
        """The same for a KafkaAdminClient, which has fewer options than its siblings."""
        known = KafkaAdminClient.DEFAULT_CONFIG
        return {name: it for name, it in self.client_options().items() if name in known}


def is_security(name: str) -> bool:
    """Whether the setting says how we come in."""
    return name.upper().startswith(SECURITY)


def _secret(value: SecretStr | None) -> str:
    return "" if value is None else value.get_secret_value()
