"""The environment: the same names in every part, read once, all faults reported together."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from kafka import KafkaAdminClient
from pydantic import BeforeValidator, Field, FilePath, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from contract.kafka import NetClient

RESERVED = frozenset({"method", "params", "formula", "level", "Intercept"})
"""Words of requests and replies: no field may have one of these names."""


class SettingsError(Exception):
    """The environment is not usable; the message has a line for each fault."""


def _names(value: object) -> object:
    """Split ``a,b,c`` into its names."""
    if isinstance(value, str):
        return tuple(name.strip() for name in value.split(",") if name.strip())
    return value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)]
TopicName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
FieldName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.]{0,63}$")]


class Environment(BaseSettings):
    """What the consumer and the producer both read."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    kafka_bootstrap_servers: Names = Field(
        ("127.0.0.1:9092",), description="where Kafka is: HOST:PORT[,HOST:PORT...]", min_length=1
    )
    events_topic: TopicName = Field("mobile-events", description="the events")
    requests_topic: TopicName = Field("prediction-requests", description="the questions")
    replies_topic: TopicName = Field(
        "prediction-replies", description="the answers, where a request names no reply topic"
    )
    fields: Annotated[tuple[FieldName, ...], NoDecode, BeforeValidator(_names)] = Field(
        ("tv", "radio", "newspaper", "sales"),
        description="the numeric fields of an event, in order",
        min_length=1,
        max_length=64,
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        None, description="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"
    )
    kafka_sasl_plain_username: str | None = Field(None, description="for PLAIN and SCRAM")
    kafka_sasl_plain_password: SecretStr | None = Field(None, description="for PLAIN and SCRAM")
    kafka_ssl_cafile: FilePath | None = Field(
        None, description="who may sign the broker's certificate"
    )
    kafka_ssl_certfile: FilePath | None = Field(None, description="our certificate, for mutual TLS")
    kafka_ssl_keyfile: FilePath | None = Field(None, description="our private key, for mutual TLS")
    kafka_ssl_password: SecretStr | None = Field(None, description="of the private key")
    kafka_ssl_crlfile: FilePath | None = Field(None, description="revoked certificates")
    kafka_ssl_ciphers: str | None = Field(None, description="OpenSSL's cipher list")
    kafka_ssl_check_hostname: bool = Field(
        default=True, description="the broker's certificate must name its host"
    )

    @field_validator("fields")
    @classmethod
    def _fields_are_distinct(cls, fields: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(fields)) != len(fields):
            raise ValueError("names a field twice")
        if reserved := RESERVED.intersection(fields):
            raise ValueError(f"{', '.join(sorted(reserved))}: reserved, a request uses the word")
        return fields

    @classmethod
    def read(cls) -> Self:
        """Read the process's environment.

        Raises:
            SettingsError: With one line for each variable that is at fault.
        """
        faults = list(_unknown(os.environ, cls.model_fields))
        try:
            settings = cls()
        except ValidationError as error:
            faults += map(_fault, error.errors(include_url=False, include_input=False))
        if faults:
            raise SettingsError("\n".join(faults))
        return settings

    @classmethod
    def help(cls) -> str:
        """Each variable with its meaning and default, for the end of a ``--help``."""
        lines = [
            f"  {name.upper():<26} {info.description}{_shown(info.default)}"
            for name, info in cls.model_fields.items()
        ]
        return "\n".join(["\b", "Environment:", *lines])  # \b: click keeps the lines as they are

    def client_options(self) -> dict[str, Any]:
        """kafka-python's options for reaching and trusting the broker.

        An outage ends within a second or two of the broker's return, and no client ever creates
        a topic by asking about it.
        """
        secrets = {"kafka_sasl_plain_password", "kafka_ssl_password"}
        options: dict[str, Any] = {
            "bootstrap_servers": list(self.kafka_bootstrap_servers),
            "security_protocol": self.kafka_security_protocol,
            "reconnect_backoff_max_ms": 1000,
            "kafka_client": NetClient,
        }
        for name in type(self).model_fields:
            if name.startswith(("kafka_sasl_", "kafka_ssl_")):
                value = getattr(self, name)
                if value is not None and name in secrets:
                    value = value.get_secret_value()
                options[name.removeprefix("kafka_")] = (
                    str(value) if isinstance(value, Path) else value
                )
        return options

    def admin_options(self) -> dict[str, Any]:
        """The same for a KafkaAdminClient, which has fewer options than its siblings."""
        known = KafkaAdminClient.DEFAULT_CONFIG
        return {name: it for name, it in self.client_options().items() if name in known}


def _fault(error: ErrorDetails) -> str:
    variable = str(error["loc"][0]).upper()
    return f"{variable}: {error['msg'].removeprefix('Value error, ')}"


def _unknown(environ: Mapping[str, str], known: Iterable[str]) -> Iterable[str]:
    """A misspelt security option must not be passed over in silence."""
    names = {name.upper() for name in known}
    for name in sorted(environ):
        if name.startswith(("KAFKA_SASL_", "KAFKA_SSL_")) and name not in names:
            yield f"{name}: no such option (kafka-python's, in upper case)"


def _shown(default: object) -> str:
    if isinstance(default, tuple):
        default = ",".join(map(str, default))
    return "" if default in (None, "") else f" [{default}]"
