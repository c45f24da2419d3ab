"""Kafka's login, request by request over a socket of ours, with kafka-python's messages."""

import socket
from time import monotonic
from typing import Any

from kafka.net.sasl import get_sasl_mechanism
from kafka.protocol.metadata import ApiVersionsRequest
from kafka.protocol.parser import KafkaProtocol
from kafka.protocol.sasl import SaslAuthenticateRequest, SaslHandshakeRequest

MAX_BYTES = 1_000_000


class Talk:
    """Requests and responses over a connection, by a deadline.

    Every method raises OSError where the connection is closed or the deadline passes, and
    KafkaProtocolError where what comes back is not Kafka's.

    Args:
        sock: The connection; blocking.
        deadline: In monotonic seconds.
    """

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._deadline = deadline
        self._protocol = KafkaProtocol(
            client_id="riverline-probe", receive_message_max_bytes=MAX_BYTES
        )

    def ask_for_versions(self) -> None:
        """Any Kafka answers this, logged in or not."""
        self._ask(ApiVersionsRequest(version=0))

    def begin_login(self, mechanism: str) -> int:
        """Ask for a login by this mechanism; Kafka's error code."""
        answer = self._ask(SaslHandshakeRequest(mechanism=mechanism, version=1))
        return int(answer.error_code)

    def log_in(self, mechanism: str, host: str, **options: object) -> bool:
        """Log in, after ``begin_login``; False where Kafka refuses us.

        Args:
            mechanism: As in ``begin_login``.
            host: The server's.
            options: kafka-python's ``sasl_*`` options.

        Raises:
            ValueError: The server cannot prove that it knows our password.
            LookupError: The same, in another way.
        """
        login = get_sasl_mechanism(mechanism)(host=host, **options)
        while not login.is_done():
            answer = self._ask(SaslAuthenticateRequest(auth_bytes=login.auth_bytes(), version=1))
            if answer.error_code:
                return False
            login.receive(answer.auth_bytes)
        return True

    def _ask(self, request: Any) -> Any:  # noqa: ANN401 - kafka-python's
        self._protocol.send_request(request)
        self._sock.settimeout(max(0.01, self._deadline - monotonic()))
        self._sock.sendall(self._protocol.send_bytes())
        while True:
            self._sock.settimeout(max(0.01, self._deadline - monotonic()))
            data = self._sock.recv(MAX_BYTES)
            if not data:
                raise ConnectionResetError("closed")
            for _, answer in self._protocol.receive_bytes(data):
                return answer
