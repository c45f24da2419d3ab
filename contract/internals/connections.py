"""kafka-python's connections, made to create no topics and to wait no longer than a time limit.

Three faults of kafka-python 3.0.12 are corrected here:

- A client that asks a broker about a topic may create it by asking, with the broker's defaults (one
  partition, seven days). The option ``allow_auto_create_topics`` would prevent that, but
  kafka-python never passes it on to its metadata requests. ``never_create_topics`` does.
- A login that fails becomes the error of whichever request waits for the connection, and a fatal
  one: ``poll`` or ``send`` raises it. Here it is a failed connection attempt, which is retried.
- A server that accepts the connection and then stays silent during TLS's handshake is waited for
  without a limit. Here the handshake counts towards the time that a connection attempt may take.
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
    """This version of kafka-python would create the topics that it asks about."""


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
    """kafka-python's connection manager, with the last two of these faults corrected.

    A socket whose handshake fails is closed, which kafka-python leaves to the garbage collector.

    Attributes:
        tcp: The transport over plain TCP.
        tls: The transport over TLS.
    """

    tcp = KafkaTCPTransport
    tls = KafkaSSLTransport

    async def _connect(self, node: Any, conn: Any, **options: Any) -> None:  # noqa: ANN401
        conn.close = partial(_close, conn)
        await super()._connect(node, conn, **options)

    async def _build_transport(self, node: Any, timeout_at: float | None = None) -> Any:  # noqa: ANN401
        options = self.config["socket_options"]
        net = self._net
        sock = await create_connection(net, node.host, node.port, options, timeout_at=timeout_at)
        if not self.ssl_enabled:
            return self.tcp(net, sock, host=node.host)
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
        return self.tls(net, sock, host=node.host, ssl_context=_Wrapped)


def _close(conn: Any, error: Exception | None = None) -> None:  # noqa: ANN401
    """Replaces a connection's ``close``: makes a fatal error (a refused login) a retriable one.

    Why the broker refuses us is found out and reported by the door (``contract.probe``).
    """
    if error is not None and not isinstance(error, RetriableError | IncompatibleBrokerVersion):
        error = KafkaConnectionError(f"{type(error).__name__}: {error}")
    type(conn).close(conn, error)


class _Wrapped:
    """In place of an ``SSLContext``: returns the socket as it is, because TLS is already set up."""

    @staticmethod
    def wrap_socket(sock: ssl.SSLSocket, **_: object) -> ssl.SSLSocket:
        return sock


class NetClient(KafkaNetClient):  # type: ignore[misc]  # kafka-python has no types
    """The connections of a consumer, a producer or an admin client: its option ``kafka_client``.

    Attributes:
        connections: What opens them.

    Raises:
        TopicCreationError: This version of kafka-python would create topics.
    """

    connections = Connections

    def __init__(self, **config: object) -> None:
        net = NetworkSelector(**config)
        super().__init__(net, self.connections(net, **config))
        try:
            never_create_topics(self.cluster)
        except TopicCreationError:
            self.close()
            raise
