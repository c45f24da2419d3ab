"""Opens kafka-python's clients within a time limit, or cleans up after them.

docs/FAILURES.md, "The askers", has the reasons for the options.
"""

from collections.abc import Callable
from itertools import count
from time import monotonic
from typing import Any, Protocol

from kafka.errors import KafkaError

from contract.environment import Environment
from contract.probe import explain
from producer.errors import KafkaUnavailableError

PATIENCE_SECONDS = 2.0
"""The time limit of an attempt if there are several servers; each later one has a second more."""

REFRESH_MS = 1000
"""How often metadata is refreshed, besides when a connection is lost or a leader unknown."""

SET_UP_MS = 1000
"""The time limit of a connection attempt, doubled after each failure: a machine that is gone does
not answer at all."""

LEFT_TO_EXPLAIN, MOST_TO_EXPLAIN_SECONDS = 0.2, 2.0
"""The share of the time to open a client, and its limit, reserved for finding out why it failed."""

OPTIONS = {
    "metadata_max_age_ms": REFRESH_MS,
    "request_timeout_ms": 2000,
    "reconnect_backoff_max_ms": 500,
    "metrics_enabled": False,
}


class Cluster(Protocol):
    """The part of a client's ClusterMetadata that we use."""

    unauthorized_topics: set[str]

    def add_topic(self, topic: str) -> object: ...
    def add_listener(self, listener: Callable[[object], None]) -> None: ...
    def remove_listener(self, listener: Callable[[object], None]) -> None: ...
    def partitions_for_topic(self, topic: str) -> set[int] | None: ...
    def available_partitions_for_topic(self, topic: str) -> set[int] | None: ...
    def leader_for_partition(self, partition: Any) -> int | None: ...  # noqa: ANN401


class Connector:
    """Opens clients, on any server that answers; thread-safe.

    kafka-python picks a server at random. A server that refuses costs no time, but one that accepts
    the connection and stays silent would use up all of it. So each attempt is short, and each after
    the first leaves out another server.

    Args:
        settings: Kafka's addresses and the security settings.
    """

    def __init__(self, settings: Environment) -> None:
        self._settings = settings
        self._servers = settings.kafka_bootstrap_servers
        self._options = settings.client_options() | OPTIONS

    def open(
        self, kind: Callable[..., Any], deadline: float, **options: object
    ) -> tuple[Any, Cluster]:
        """A client of this kind, and its view of the cluster.

        Args:
            kind: KafkaProducer or KafkaConsumer.
            deadline: By when, in monotonic seconds.
            options: Further options of kafka-python.

        Raises:
            KafkaUnavailableError: No server answers in time and lets us in; says why.
        """
        until = deadline - min((deadline - monotonic()) * LEFT_TO_EXPLAIN, MOST_TO_EXPLAIN_SECONDS)
        servers = list(self._servers)
        for attempt in count():
            left = until - monotonic()
            seconds = min(left, PATIENCE_SECONDS + attempt) if len(self._servers) > 1 else left
            try:
                return _open(
                    kind,
                    **self._options
                    | options
                    | {
                        "bootstrap_servers": servers,
                        "bootstrap_timeout_ms": max(1, int(1000 * seconds)),
                    },
                )
            except KafkaError as error:
                if monotonic() >= until:
                    raise self._shut_out(error, deadline) from error
                silent = self._servers[attempt % len(self._servers)]
                servers = [it for it in self._servers if it != silent] or list(self._servers)
        raise AssertionError  # the attempts do not end

    def _shut_out(self, error: object, deadline: float) -> KafkaUnavailableError:
        """The error for a client that could not be opened, with the reason if it can be found."""
        shut = explain(self._settings, deadline - monotonic())
        return KafkaUnavailableError(shut.sentence) if shut else self.unavailable(error)

    def unavailable(self, error: object) -> KafkaUnavailableError:
        """The error that Kafka is not usable, with what is known."""
        return KafkaUnavailableError(
            f"Kafka at {','.join(self._servers)} is not usable ({error}). "
            "Is it running, and does it let us in?"
        )


def _open(kind: Callable[..., Any], **options: Any) -> tuple[Any, Cluster]:  # noqa: ANN401
    """A client that fails raises in its constructor, and would leave its threads running."""
    opened: list[Any] = []
    connections = options["kafka_client"]

    def net_client(**config: Any) -> Any:  # noqa: ANN401 - kafka-python's
        opened.append(connections(**config | {"socket_connection_setup_timeout_ms": SET_UP_MS}))
        return opened[-1]

    try:
        client = kind(**options | {"kafka_client": net_client})
    except BaseException:
        for net in opened:
            net.close()
        raise
    return client, opened[0].cluster
