"""Bytes from Kafka and to it: read in large pieces, written at once.

kafka-python reads a socket 4 kB at a time, and gives the interpreter up before each: a fetch of a
megabyte takes 256 turns in which the learner, and whoever is to be answered, wait for one another.
And it writes in the second turn of its loop after that in which it was asked to.
"""

import ssl
from contextlib import suppress
from typing import Any

from kafka.errors import KafkaConnectionError
from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport

PIECE_BYTES = 64 * 1024

_NO_MORE = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

# They must be there, or a new kafka-python would pass us by in silence.
_write_later = KafkaTCPTransport.write
_receive = KafkaTCPTransport._sock_recv, KafkaSSLTransport._sock_recv  # noqa: SLF001


def receive(transport: Any) -> tuple[bytes, KafkaConnectionError | None]:  # noqa: ANN401
    """All that there is to read now, and why there will be no more, if so."""
    pieces: list[bytes] = []
    try:
        while piece := transport._sock.recv(PIECE_BYTES):  # noqa: SLF001 - we stand in its place
            pieces.append(piece)
    except _NO_MORE:
        return b"".join(pieces), None
    except OSError as error:
        return b"".join(pieces), KafkaConnectionError(error)
    return b"".join(pieces), KafkaConnectionError("socket disconnected")


def write(transport: Any, data: bytes) -> None:  # noqa: ANN401 - as above
    """Write what the socket takes now; the rest, and what goes wrong, is the client's."""
    if not transport._writing and transport._write and not transport._closed:  # noqa: SLF001
        with suppress(OSError):  # it is full, or broken: the client finds that out
            data = data[transport._sock.send(data) :]  # noqa: SLF001
    if data:
        _write_later(transport, data)


def install() -> None:
    """Make all of kafka-python's connections do so, from now on, in this process."""
    KafkaTCPTransport._sock_recv = KafkaSSLTransport._sock_recv = receive  # noqa: SLF001
    KafkaTCPTransport.write = write
    KafkaSSLTransport.write = _write_later  # TLS wants to be asked again with the same bytes
