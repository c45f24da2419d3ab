"""Finds out why Kafka does not let us in, over connections of its own to each server.

kafka-python often loses the reason, as it reads the end of the connection along with it.
"""

import socket
import ssl
from contextlib import suppress
from time import monotonic

from kafka.errors import KafkaProtocolError

from contract import diagnose
from contract.diagnose import DoorKind, Shut
from contract.environment import Environment
from contract.internals.talk import Talk
from contract.tokens import TokenError

SECONDS = 6.0
"""The time limit for all servers."""

SERVER_SECONDS = 3.0
"""The time limit for one server; a token endpoint may take most of it."""

ALERT_SECONDS = 0.3
"""A broker that refuses our certificate says so after the handshake, so we wait before sending:
bytes that it has not read when it closes would discard its message."""

UNSUPPORTED_MECHANISM, ILLEGAL_STATE = 33, 34
_NAMED = 3


def explain(settings: Environment, seconds: float = SECONDS) -> Shut | None:
    """What is wrong; None if a server lets us in, or there is no time to ask.

    Blocks; a token that is refused is not used again.

    Args:
        settings: Kafka's addresses and the security settings.
        seconds: The time limit, name resolution excluded.
    """
    deadline = monotonic() + seconds
    unreachable: list[str] = []
    for server in settings.kafka_bootstrap_servers:
        left = deadline - monotonic()
        if left <= 0:
            break
        shut = _Visit(server, settings, monotonic() + min(left, SERVER_SECONDS)).shut()
        if shut is None or shut.kind is not DoorKind.UNREACHABLE:
            return shut
        unreachable.append(shut.sentence)
    if not unreachable:
        return None
    return Shut(DoorKind.UNREACHABLE, "; ".join(unreachable[:_NAMED]))


class _Visit:
    """A visit to one server, HOST:PORT, by a deadline."""

    def __init__(self, server: str, settings: Environment, deadline: float) -> None:
        host, _, port = server.rpartition(":")
        self._server = server
        self._address = host.strip("[]"), int(port)
        self._settings = settings
        self._deadline = deadline
        self._tls = settings.kafka_security_protocol.endswith("SSL")

    def shut(self) -> Shut | None:
        """Why it does not let us in; None if it does."""
        try:
            context = self._settings.tls_files.context() if self._tls else None
        except OSError as error:
            return diagnose.unreadable(error)
        try:
            return self._entered(context)
        except TokenError as error:
            return Shut(DoorKind.REFUSED, str(error))
        except (socket.gaierror, UnicodeError):  # UnicodeError: no host can have such a name
            return diagnose.unknown_host(self._server)
        except (TimeoutError, ConnectionRefusedError):
            return diagnose.silent(self._server)
        except (OSError, KafkaProtocolError) as error:
            return self._of_tls(error) or self._closed()

    def _entered(self, context: ssl.SSLContext | None) -> Shut | None:
        with self._connected(context) as sock:
            if context is not None:
                sock.settimeout(ALERT_SECONDS)
                with suppress(TimeoutError):
                    sock.recv(1)
            talk = Talk(sock, self._deadline)
            talk.ask_for_versions()
            mechanism = self._settings.kafka_sasl_mechanism
            code = talk.begin_login(mechanism or "PLAIN")
            if mechanism is None:
                known = code == ILLEGAL_STATE  # the broker takes no logins
                return None if known else diagnose.login_expected(self._server, self._settings)
            if code == ILLEGAL_STATE:
                return diagnose.no_login_expected(self._server, self._settings)
            if code == UNSUPPORTED_MECHANISM:
                return diagnose.not_offered(self._server, self._settings)
            return self._logged_in(talk, mechanism)

    def _logged_in(self, talk: Talk, mechanism: str) -> Shut | None:
        settings = self._settings
        try:
            accepted = talk.log_in(mechanism, host=self._address[0], **settings.login_options())
        except (ValueError, LookupError):
            return diagnose.not_proven(self._server, settings)
        except ConnectionError:
            return diagnose.login_cut_off(self._server, settings)
        if accepted:
            return None
        if settings.tokens is not None:
            settings.tokens.source.forget()
        return diagnose.refused(settings)

    def _connected(self, context: ssl.SSLContext | None) -> socket.socket:
        """A connection, over TLS if there is a context.

        Raises:
            OSError: It cannot be established.
        """
        left = max(0.01, self._deadline - monotonic())
        sock = socket.create_connection(self._address, left)
        if context is None:
            return sock
        try:
            return context.wrap_socket(sock, server_hostname=self._address[0])
        except BaseException:
            sock.close()
            raise

    def _of_tls(self, error: Exception) -> Shut | None:
        if not isinstance(error, ssl.SSLError):
            return None
        ours = self._settings.tls_files
        return diagnose.of_tls(error, self._server, self._settings, expired=ours.expired())

    def _closed(self) -> Shut:
        """It closed the connection: find out whether it expects the opposite about TLS."""
        with suppress(OSError, KafkaProtocolError):
            if self._tls:
                with self._connected(None) as sock:
                    Talk(sock, self._deadline).ask_for_versions()
                return diagnose.no_tls(self._server, self._settings)
            anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            anybody.check_hostname = False
            anybody.verify_mode = ssl.CERT_NONE  # nothing is sent over it
            with self._connected(anybody):
                return diagnose.tls_expected(self._server, self._settings)
        return diagnose.closes(self._server, self._settings)
