"""kafka-python's connections, kept from creating topics and from waiting forever.

A client that asks a broker about a topic may thereby create it, with the broker's defaults (one
partition, seven days). kafka-python 3.0.12 has the option ``allow_auto_create_topics`` against
it, but never passes it on to its requests. Here it does.

It treats a failed login as a permanent fault of the request that waits for it, which then raises in
the caller. Here it is a failed connection, and is tried again.

And it waits without limit for a server that accepts the connection but does not answer TLS's
handshake. Here the handshake is included in the connection's time limit.
"""

import ssl
from functools import partial
from typing import Any

from kafka import __version__
from kafka.errors import IncompatibleBrokerVersion, KafkaConnectionError, RetriableError
from kafka.net.compat import KafkaNetClient
from kafka.net.inet import create_connection
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector
from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport


class TopicCreationError(Exception):
    """This version of kafka-python cannot be kept from creating the topics that it asks about."""


def never_create_topics(cluster: Any) -> None:  # noqa: ANN401 - kafka-python's
    """Make a client's metadata requests create nothing.

    Args:
        cluster: The client's ``ClusterMetadata``.

    Raises:
        TopicCreationError: They would still create topics.
    """
    try:
        cluster.config["allow_auto_create_topics"] = False
        creates = cluster.metadata_request().allow_auto_topic_creation
    except AttributeError as error:
        creates = error
    if creates is not False:
        raise TopicCreationError(
            f"kafka-python {__version__} cannot be kept from creating the topics it asks about "
            f"({creates!r}): use the version in requirements.lock"
        )


class Connections(KafkaConnectionManager):  # type: ignore[misc]  # kafka-python has no types
    """Connections with a time limit on TLS's handshake; a socket whose handshake fails is closed.

    Every error that ends a connection is retriable.
    """

    async def _connect(self, node: Any, conn: Any, **options: Any) -> None:  # noqa: ANN401
        conn.close = partial(_close, conn)
        await super()._connect(node, conn, **options)

    async def _build_transport(self, node: Any, timeout_at: float | None = None) -> Any:  # noqa: ANN401
        options = self.config["socket_options"]
        net = self._net
        sock = await create_connection(net, node.host, node.port, options, timeout_at=timeout_at)
        if not self.ssl_enabled:
            return KafkaTCPTransport(net, sock, host=node.host)
        try:
            sock = self.config["ssl_context"].wrap_socket(
                sock, server_hostname=node.host.rstrip("."), do_handshake_on_connect=False
            )
            while True:
                try:
                    sock.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    await net.wait_read(sock, timeout_at=timeout_at)
                except ssl.SSLWantWriteError:
                    await net.wait_write(sock, timeout_at=timeout_at)
        except BaseException as error:
            sock.close()
            if not isinstance(error, Exception):
                raise
            raise KafkaConnectionError(f"Handshake failed: {error}") from error
        return KafkaSSLTransport(net, sock, host=node.host, ssl_context=_Wrapped)


def _close(conn: Any, error: Exception | None = None) -> None:  # noqa: ANN401
    """Replaces a connection's `close`: makes a refusal retriable, as it may be fixed meanwhile."""
    if error is not None and not isinstance(error, RetriableError | IncompatibleBrokerVersion):
        error = KafkaConnectionError(f"{type(error).__name__}: {error}")
    type(conn).close(conn, error)


class _Wrapped:
    """Leaves a socket as it is: it speaks TLS already."""

    @staticmethod
    def wrap_socket(sock: ssl.SSLSocket, **_: object) -> ssl.SSLSocket:
        return sock


class NetClient(KafkaNetClient):  # type: ignore[misc]  # kafka-python has no types
    """The ``kafka_client`` option of our consumers, producers and admin clients.

    Raises:
        TopicCreationError: This version of kafka-python would create topics.
    """

    def __init__(self, **config: object) -> None:
        net = NetworkSelector(**config)
        super().__init__(net, Connections(net, **config))
        try:
            never_create_topics(self.cluster)
        except TopicCreationError:
            self.close()
            raise
