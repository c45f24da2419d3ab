"""Bytes from Kafka: read in large pieces.

kafka-python reads a socket 4 kB at a time, and gives the interpreter up before each: a fetch of a
megabyte takes 256 turns in which the learner, and whoever is to be answered, wait for one another.
"""

import ssl
from typing import Any

from kafka.errors import KafkaConnectionError
from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport

PIECE_BYTES = 64 * 1024

_NO_MORE = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


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


def install() -> None:
    """Make all of kafka-python's connections read so, from now on, in this process.

    Raises:
        AttributeError: kafka-python has changed, and this module must be looked at.
    """
    for kind in (KafkaTCPTransport, KafkaSSLTransport):
        kind._sock_recv  # noqa: B018, SLF001 - must be there, or it would pass us by in silence
        kind._sock_recv = receive  # noqa: SLF001
