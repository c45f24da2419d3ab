"""Sockets with fewer system calls: part of the fast path.

Each system call releases the interpreter lock, and beside a busy learner it takes up to half a
millisecond to get it back. kafka-python makes many of them:

- it reads 4 kB at a time, so a fetch of a megabyte takes 256 calls: ``receive`` reads 64 kB;
- it writes only in a later turn of its event loop: ``FastTCP.write`` tries to write at once;
- for each wait it registers a socket with the kernel and unregisters it after, and it looks up
  whether the socket is registered in a way that asks for both its addresses, six calls in all:
  ``Selector`` leaves the registration in place;
- each record that begins a batch wakes the producer's I/O thread through a socket, and that thread
  then looks through the batches of all partitions: ``one_wakeup`` wakes it once for many.
"""

import selectors
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from kafka.errors import KafkaConnectionError
from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport

from consumer.client.protocols import Producer
from contract.internals.connections import Connections, NetClient

PIECE_BYTES = 64 * 1024

Waiting = list[tuple[selectors.SelectorKey, int]]
"""Keys that became ready, each with the events that it is ready for."""

_IDLE = object()
"""The data of a key that is registered with the kernel although nobody waits for it."""

_NOT_NOW = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Selector(selectors.DefaultSelector):
    """Keeps a socket registered with the kernel after ``unregister``, as an idle key.

    To its user an idle key does not exist. It is really unregistered when it becomes ready while
    idle, or when another socket has got its file descriptor.
    """

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:  # noqa: ANN401 - a socket
        """The key of a registered socket.

        Raises:
            KeyError: It is not registered.
            ValueError: It is closed.
        """
        number = fileobj.fileno()
        key = self.get_map()[number] if number >= 0 else super().get_key(fileobj)
        if key.data is _IDLE:
            raise KeyError(number)
        return key

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:  # noqa: ANN401
        """Register a socket, or take its idle key up again."""
        idle = self.get_map().get(fileobj.fileno())
        if idle is not None and idle.data is _IDLE:
            if idle.fileobj is fileobj and idle.events == events:
                return self.modify(fileobj, events, data)
            super().unregister(idle.fileobj)
        return super().register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:  # noqa: ANN401
        """Make a socket's key idle.

        Raises:
            KeyError: It is not registered.
        """
        key = self.get_key(fileobj)
        return self.modify(fileobj, key.events, _IDLE)

    def select(self, timeout: float | None = None) -> Waiting:
        """Wait until a registered socket is ready; may return early, with nothing."""
        ready = super().select(timeout)
        for key, _ in ready:
            if key.data is _IDLE:
                super().unregister(key.fileobj)
        return [(key, events) for key, events in ready if key.data is not _IDLE]


def receive(transport: Any) -> tuple[bytes, KafkaConnectionError | None]:  # noqa: ANN401
    """Read what the socket has now; replaces a transport's ``_sock_recv``.

    Returns:
        The bytes, and an error if the connection has ended.
    """
    pieces: list[bytes] = []
    try:
        while piece := transport._sock.recv(PIECE_BYTES):
            pieces.append(piece)
            if len(piece) < PIECE_BYTES and not isinstance(transport._sock, ssl.SSLSocket):
                break  # there is no more: to ask would be one system call in vain
        else:
            return b"".join(pieces), KafkaConnectionError("socket disconnected")
    except _NOT_NOW:
        pass
    except OSError as error:
        return b"".join(pieces), KafkaConnectionError(error)
    return b"".join(pieces), None


class FastTCP(KafkaTCPTransport):  # type: ignore[misc]  # kafka-python has no types
    """Reads in large pieces and writes at once."""

    _sock_recv = receive

    def write(self, data: bytes) -> None:
        """Write what the socket takes now, and leave the rest to kafka-python."""
        if not self._writing and self._write and not self._closed:
            with suppress(OSError):  # kafka-python meets the error again, and handles it
                data = data[self._sock.send(data) :]
        if data:
            super().write(data)


class FastTLS(KafkaSSLTransport):  # type: ignore[misc]
    """Reads in large pieces.

    Writing is kafka-python's: after a partial write, TLS must be given the same bytes again.
    """

    _sock_recv = receive


class FastConnections(Connections):
    """Connections over such sockets."""

    tcp = FastTCP
    tls = FastTLS


class FastNetClient(NetClient):
    """The option ``kafka_client`` of a client with such connections."""

    connections = FastConnections


@contextmanager
def one_wakeup(producer: Producer) -> Iterator[None]:
    """Wake a producer's I/O thread at the end, and for none of the records sent before.

    One thread at a time may send meanwhile. A record waits for the rest of ``linger_ms`` then.
    """
    sender: Any = getattr(producer, "_sender")
    sender.wakeup = _stay_asleep
    try:
        yield
    finally:
        del sender.wakeup  # the class's own is called again
        sender.wakeup()


def _stay_asleep() -> None:
    """In place of ``Sender.wakeup``."""
