"""The consumer's settings, read from the environment once and then frozen."""

import re
import socket
from fnmatch import fnmatchcase
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, FilePath, SecretStr, ValidationInfo, field_validator

from consumer.settings.model import ModelSettings
from contract import topics
from contract.environment import LogFormat, LogLevel, TopicName
from contract.login import Names
from contract.tls import server_context

MEBIBYTE = 1024 * 1024
SENDABLE = r"[A-Za-z0-9._~+/-]+=*"  # RFC 6750, 2.1
STATIC_MEMBER = r"^[A-Za-z0-9._-]{0,200}$"


def _empty_is_none(value: object) -> object:
    return value or "none"  # as OpenTelemetry has it


class Settings(ModelSettings):
    """The consumer's settings, in addition to the shared ones."""

    application_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,200}$")] = Field(
        "riverline", description="names the consumer groups and the changelog topic"
    )
    instance_id: Annotated[str, Field(pattern=STATIC_MEMBER)] = Field(
        "", description="this instance's name in the consumer groups (default: host name and port)"
    )
    predictions_topic: TopicName | None = Field(
        None,
        description="a prediction for each event without a target goes there (default: none)",
    )
    reply_topic_patterns: Names = Field(
        ("prediction-repl*", "prediction-requests*repl*", "f-reply-*"),
        description="reply topics that a request may name; never one of the service's own",
    )
    replication_factor: Annotated[int, Field(ge=1, le=99)] | None = Field(
        None,
        description="replication factor of created topics (default: one per broker, at most 3)",
    )
    min_insync_replicas: Annotated[int, Field(ge=1, le=99)] | None = Field(
        None,
        description="min.insync.replicas of created topics (default: replication factor less 1)",
    )
    checkpoint_interval_ms: int = Field(
        1000, ge=10, le=3_600_000, description="how often the state is saved, milliseconds"
    )
    max_reread_events: int = Field(
        100_000,
        ge=1000,
        le=10**9,
        description="how many events a restart may read again, over all partitions of an instance",
    )
    fast_path: bool = Field(
        default=True,
        description="off: kafka-python's public API alone carries requests and replies; slower",
    )
    take_over: bool = Field(
        default=False,
        description="answer requests even if another application does, which then stands by",
    )
    replies_buffer_bytes: int = Field(
        64 * MEBIBYTE,
        ge=4 * MEBIBYTE,
        description="memory for pending replies; requests beyond it are refused",
    )
    dead_letters_buffer_bytes: int = Field(
        32 * MEBIBYTE,
        ge=MEBIBYTE,
        description="memory for unacknowledged dead letters; learning pauses when it is full",
    )
    http_host: str = Field("127.0.0.1", description="where /metrics, /livez and /readyz listen")
    http_port: int = Field(8000, ge=0, le=65535, description="the HTTP port; 0 takes a free one")
    http_token: SecretStr | None = Field(
        None, description="bearer token required there, except at /livez"
    )
    http_tls_certfile: FilePath | None = Field(
        None,
        description="TLS certificate of the HTTP port; reloaded when it changes",
    )
    http_tls_keyfile: FilePath | None = Field(
        None, description="its private key, if not in the same file", validate_default=True
    )

    log_level: Annotated[LogLevel, BeforeValidator(str.lower)] = Field(
        "info", description="the least that is logged: debug, info, warning, error or critical"
    )
    log_format: Annotated[LogFormat, BeforeValidator(str.lower)] | None = Field(
        None,
        description="json, logfmt or console (default: console on a terminal, else logfmt)",
    )
    otel_traces_exporter: Annotated[Literal["none", "otlp"], BeforeValidator(_empty_is_none)] = (
        Field(
            "none",
            description="otlp: spans by OpenTelemetry; its other OTEL_* variables say where to",
        )
    )

    @field_validator("otel_traces_exporter")
    @classmethod
    def _opentelemetry_is_installed(cls, exporter: str) -> str:
        if exporter == "otlp":
            try:
                find_spec("opentelemetry.exporter.otlp.proto.http.trace_exporter")
            except ModuleNotFoundError as error:
                raise ValueError(
                    "otlp needs the extra otel: pip install 'riverline[otel]'"
                ) from error
        return exporter

    @field_validator("http_token")
    @classmethod
    def _token_can_be_sent(cls, token: SecretStr | None) -> SecretStr | None:
        if token is not None and not re.fullmatch(SENDABLE, token.get_secret_value()):
            raise ValueError("must be one or more letters, digits or -._~+/=")
        return token

    @field_validator("http_tls_keyfile")
    @classmethod
    def _certificate_can_be_shown(cls, key: Path | None, info: ValidationInfo) -> Path | None:
        certificate = info.data.get("http_tls_certfile")
        if certificate is not None:
            try:
                server_context(certificate, key)
            except OSError as error:
                raise ValueError(
                    "does not go with HTTP_TLS_CERTFILE: expected a certificate and its private "
                    f"key, PEM, the key without a password ({error.strerror or error})"
                ) from error
        elif key is not None and "http_tls_certfile" in info.data:
            raise ValueError("is given without HTTP_TLS_CERTFILE")
        return key

    @field_validator("min_insync_replicas")
    @classmethod
    def _replicas_suffice(cls, least: int | None, info: ValidationInfo) -> int | None:
        factor = info.data.get("replication_factor")
        if least is not None and factor is not None and least > factor:
            raise ValueError(f"is more than REPLICATION_FACTOR, {factor}: nothing could be written")
        return least

    @field_validator("dead_letter_topic")
    @classmethod
    def _topics_are_distinct(cls, dead_letters: str, info: ValidationInfo) -> str:
        names = [info.data.get(f"{role}_topic") for role in ("events", "requests", "replies")]
        names = [name for name in [*names, dead_letters] if name is not None]
        if len(set(names)) != len(names):
            raise ValueError("EVENTS_, REQUESTS_, REPLIES_ and DEAD_LETTER_TOPIC must differ")
        return dead_letters

    @field_validator("predictions_topic")
    @classmethod
    def _predictions_are_apart(cls, topic: str | None, info: ValidationInfo) -> str | None:
        for role in ("events_topic", "requests_topic", "replies_topic", "dead_letter_topic"):
            if topic is not None and topic == info.data.get(role):
                raise ValueError(f"must be another topic than {role.upper()}")
        return topic

    @cached_property
    def member(self) -> str:
        """The static group member id: stable across restarts, which avoids a rebalance."""
        if self.instance_id:
            return self.instance_id
        host = "".join(c if c.isalnum() and c.isascii() else "-" for c in socket.gethostname())
        return f"{host}-{self.http_port}"

    @property
    def changelog_topic(self) -> str:
        """The topic that holds the snapshots."""
        return f"{self.application_id}-changelog"

    @property
    def demand_topic(self) -> str:
        """The topic by which instances ask each other for snapshots."""
        return f"{self.changelog_topic}-demand"

    @cached_property
    def topics(self) -> tuple[topics.Topic, ...]:
        """The topics that the service uses, except the changelog."""
        return (
            topics.events(self.events_topic),
            topics.requests(self.requests_topic),
            topics.replies(self.replies_topic),
            topics.dead_letters(self.dead_letter_topic),
            *((topics.predictions(own),) if (own := self.predictions_topic) else ()),
        )

    def may_reply_to(self, topic: str) -> bool:
        """Whether a request may name this reply topic."""
        if topic == self.replies_topic:
            return True
        own = {
            self.events_topic,
            self.requests_topic,
            self.dead_letter_topic,
            self.predictions_topic,
        }
        if topic in own or topic.startswith(("__", self.changelog_topic)):
            return False
        return any(fnmatchcase(topic, pattern) for pattern in self.reply_topic_patterns)
