"""Kafka addresses and security settings, and the kafka-python options that follow from them."""

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
"""Prefixes of the security settings."""

ReadableFile = Annotated[Path, AfterValidator(_readable)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split_names)]
LAST_PORT = 65535
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]


class Login(BaseSettings):
    """Kafka's addresses, and the security settings."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    kafka_bootstrap_servers: Names = Field(
        ("127.0.0.1:9092",), description="Kafka's addresses: HOST:PORT[,HOST:PORT...]", min_length=1
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
        None, pattern=r"^https?://\S+$", description="token endpoint for OAUTHBEARER"
    )
    kafka_sasl_oauthbearer_client_id: str | None = Field(None, description="for the token endpoint")
    kafka_sasl_oauthbearer_client_secret: SecretStr | None = Field(
        None, description="for the token endpoint"
    )
    kafka_sasl_oauthbearer_scope: str | None = Field(
        None, description="scope of the token, if required"
    )
    kafka_sasl_oauth_token_provider: str | None = Field(
        None, description="instead, a function that returns tokens: package.module:function"
    )
    kafka_ssl_cafile: ReadableFile | None = Field(
        None, description="authorities that sign the brokers' certificates"
    )
    kafka_ssl_certfile: ReadableFile | None = Field(
        None, description="our certificate, for mutual TLS"
    )
    kafka_ssl_keyfile: ReadableFile | None = Field(
        None, description="our private key, for mutual TLS"
    )
    kafka_ssl_password: SecretStr | None = Field(None, description="password of the private key")
    kafka_ssl_crlfile: ReadableFile | None = Field(None, description="list of revoked certificates")
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
        """The files and options of TLS."""
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
        """The token provider for OAUTHBEARER, shared by all connections."""
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

        Clients reconnect within a second or two of a broker's return, and never create a topic by
        asking about it.
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
        """The options for SASL."""
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
        """The options that a KafkaAdminClient knows."""
        known = KafkaAdminClient.DEFAULT_CONFIG
        return {name: it for name, it in self.client_options().items() if name in known}


def is_security(name: str) -> bool:
    """Whether the setting is a security setting."""
    return name.upper().startswith(SECURITY)


def _secret(value: SecretStr | None) -> str:
    return "" if value is None else value.get_secret_value()
