"""Bytes from Kafka and to it: read in large pieces, written at once, waited for without ado.

kafka-python reads a socket 4 kB at a time, and gives the interpreter up before each: a fetch of a
megabyte takes 256 turns in which the learner, and whoever is to be answered, wait for one another.
And it writes in the second turn of its loop after that in which it was asked to.
"""

import selectors
import ssl
from contextlib import suppress
from typing import Any

from kafka.errors import KafkaConnectionError
from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport

PIECE_BYTES = 64 * 1024

_NOBODY = object()

Waiting = list[tuple[selectors.SelectorKey, int]]
"""Who waited, and for which of the events that have come."""

_NO_MORE = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

# They must be there, or a new kafka-python would pass us by in silence.
_write_later = KafkaTCPTransport.write
_receive = KafkaTCPTransport._sock_recv, KafkaSSLTransport._sock_recv


class Selector(selectors.DefaultSelector):
    """One that leaves the kernel's registration in place from one wait to the next.

    The client registers a socket for each wait and unregisters it after. And it asks before whether
    it waits already, and the standard selector's "no" names the socket with both its addresses: six
    system calls a wait in all, and at each of them the interpreter is given up.
    """

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:  # noqa: ANN401 - a socket
        """What is waited for.

        Raises:
            KeyError: Nothing.
            ValueError: It is closed.
        """
        number = fileobj.fileno()
        key = self.get_map()[number] if number >= 0 else super().get_key(fileobj)
        if key.data is _NOBODY:
            raise KeyError(number)
        return key

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:  # noqa: ANN401
        """Wait for this."""
        left = self.get_map().get(fileobj.fileno())
        if left is not None and left.data is _NOBODY:
            if left.fileobj is fileobj and left.events == events:
                return self.modify(fileobj, events, data)
            super().unregister(left.fileobj)  # a closed one that had the same number, maybe
        return super().register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:  # noqa: ANN401
        """Wait no more, for now."""
        key = self.get_key(fileobj)
        return self.modify(fileobj, key.events, _NOBODY)

    def select(self, timeout: float | None = None) -> Waiting:
        """Who waited and has got something; what nobody waits for is let go of."""
        ready = super().select(timeout)
        for key, _ in ready:
            if key.data is _NOBODY:
                super().unregister(key.fileobj)
        return [(key, events) for key, events in ready if key.data is not _NOBODY]


def receive(transport: Any) -> tuple[bytes, KafkaConnectionError | None]:  # noqa: ANN401
    """All that there is to read now, and why there will be no more, if so."""
    pieces: list[bytes] = []
    try:
        while piece := transport._sock.recv(PIECE_BYTES):
            pieces.append(piece)
            if len(piece) < PIECE_BYTES and not isinstance(transport._sock, ssl.SSLSocket):
                break  # to ask once more would give up the interpreter for a "no"
        else:
            return b"".join(pieces), KafkaConnectionError("socket disconnected")
    except _NO_MORE:
        pass
    except OSError as error:
        return b"".join(pieces), KafkaConnectionError(error)
    return b"".join(pieces), None


def write(transport: Any, data: bytes) -> None:  # noqa: ANN401 - as above
    """Write what the socket takes now; the rest, and what goes wrong, is the client's."""
    if not transport._writing and transport._write and not transport._closed:
        with suppress(OSError):  # it is full, or broken: the client finds that out
            data = data[transport._sock.send(data) :]
    if data:
        _write_later(transport, data)


def install() -> None:
    """Make all of kafka-python's connections do so, from now on, in this process."""
    KafkaTCPTransport._sock_recv = KafkaSSLTransport._sock_recv = receive
    KafkaTCPTransport.write = write
    KafkaSSLTransport.write = _write_later  # TLS wants to be asked again with the same bytes
