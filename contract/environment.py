"""Settings from the environment, read once; all faults are reported together."""

import os
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import NoDecode

from contract.doors import contradictions
from contract.login import Login, is_security, split_names
from contract.messages import RESERVED
from contract.secret_files import read_secrets


class SettingsError(Exception):
    """The settings are not usable; the message has a line for each fault."""


TopicName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
LogLevel = Literal["debug", "info", "warning", "error", "critical"]
LogFormat = Literal["json", "logfmt", "console"]
FieldName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.]{0,63}$")]


class Environment(Login):
    """The settings that the consumer and the producer share."""

    events_topic: TopicName = Field("mobile-events", description="topic of events")
    requests_topic: TopicName = Field("prediction-requests", description="topic of requests")
    replies_topic: TopicName = Field(
        "prediction-replies", description="topic of replies to requests that name none"
    )
    dead_letter_topic: TopicName = Field("mobile-events.dead-letters", description="refused events")
    fields: Annotated[tuple[FieldName, ...], NoDecode, BeforeValidator(split_names)] = Field(
        ("tv", "radio", "newspaper", "sales"),
        description="the numeric fields of an event, in order",
        min_length=1,
        max_length=64,
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

        A secret may be in a file, named by NAME_FILE instead of NAME; its last newline is dropped.

        Raises:
            SettingsError: With a line for each variable at fault.
        """
        secrets = cls.secrets()
        found, faults = read_secrets(os.environ, secrets)
        faults += _unknown(os.environ, [*cls.model_fields, *(f"{it}_FILE" for it in secrets)])
        from_files: dict[str, Any] = {name.lower(): value for name, value in found.items()}
        try:
            settings = cls(**from_files)
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False)
            faults += map(_fault, details)
            misread = {_variable(it) for it in details}
        else:
            faults += settings.tls_files.unusable()
            misread = set()
        if misread.isdisjoint({"KAFKA_SECURITY_PROTOCOL", "KAFKA_SASL_MECHANISM"}):
            names = [name.upper() for name in cls.model_fields if is_security(name)]
            given = {name: os.environ.get(name) or found.get(name) for name in names}
            faults += contradictions({name: it for name, it in given.items() if it})
        if faults:
            raise SettingsError("\n".join(faults))
        return settings

    @classmethod
    def secrets(cls) -> list[str]:
        """The variables that may be in a file."""
        fields = cls.model_fields.items()
        return [name.upper() for name, info in fields if _is_secret(info)]

    @classmethod
    def help(cls) -> str:
        """Each variable with its meaning and default, for the end of a ``--help``."""
        lines = [
            f"  {name.upper():<42} {info.description}{_shown(info.default)}"
            for name, info in cls.model_fields.items()
        ]
        files = [f"  {name}_FILE" for name in cls.secrets()]
        named = "Secrets may be in files instead, named by:"
        # \b: click keeps the lines as they are
        return "\n".join(["\b", "Environment:", *lines, "", "\b", named, *files])


def _variable(error: ErrorDetails) -> str:
    return str(error["loc"][0]).upper()


def _fault(error: ErrorDetails) -> str:
    return f"{_variable(error)}: {error['msg'].removeprefix('Value error, ')}"


def _is_secret(info: FieldInfo) -> bool:
    return SecretStr in (info.annotation, *get_args(info.annotation))


def _unknown(environ: Mapping[str, str], known: Iterable[str]) -> Iterable[str]:
    """Report misspelt security options, which would otherwise be ignored."""
    names = {name.upper() for name in known}
    for name in sorted(environ):
        if name.startswith(("KAFKA_SASL_", "KAFKA_SSL_")) and name not in names:
            yield f"{name}: no such option (kafka-python's, in upper case)"


def _shown(default: object) -> str:
    if isinstance(default, tuple):
        default = ",".join(map(str, default))
    return "" if default in (None, "") else f" [{default}]"
