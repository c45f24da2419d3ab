"""What a look at Kafka's door tells, before servers that answer as they are told to."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from time import monotonic

import pytest

from contract.diagnose import DoorKind, Shut
from contract.environment import Environment
from contract.probe import explain

API_VERSIONS, HANDSHAKE, AUTHENTICATE = 18, 17, 36
OK, UNSUPPORTED, ILLEGAL_STATE, FAILED = 0, 33, 34, 58
LOGIN = {
    "kafka_security_protocol": "SASL_PLAINTEXT",
    "kafka_sasl_mechanism": "PLAIN",
    "kafka_sasl_plain_username": "riverline",
    "kafka_sasl_plain_password": "s3cret",
}


@dataclass
class Broker:
    """A server that says so to each request of a kind; where it has no word for one, it hangs up.

    Attributes:
        errors: The error code, by the request's kind.
        said: What a login is answered with.
        asked: Each request's kind.
    """

    errors: dict[int, int]
    said: bytes = b""
    asked: list[int] = field(default_factory=list)

    @contextmanager
    def serving(self) -> Iterator[str]:
        listener = socket.create_server(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                with sock:
                    self._talk(sock)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            thread.join()

    def _talk(self, sock: socket.socket) -> None:
        while size := sock.recv(4, socket.MSG_WAITALL):
            (length,) = struct.unpack(">i", size)
            if length > 1000:
                return  # TLS, or another tongue
            kind, _version, number = struct.unpack_from(
                ">hhi", sock.recv(length, socket.MSG_WAITALL)
            )
            self.asked.append(kind)
            if kind not in self.errors:
                return
            rest = {
                API_VERSIONS: struct.pack(">i", 0),
                HANDSHAKE: struct.pack(">i", 0),
                AUTHENTICATE: struct.pack(">hi", -1, len(self.said)) + self.said + bytes(8),
            }[kind]
            answer = struct.pack(">ih", number, self.errors[kind]) + rest
            sock.sendall(struct.pack(">i", len(answer)) + answer)


def look(*servers: str, **changed: str) -> Shut | None:
    return explain(Environment(kafka_bootstrap_servers=servers, **LOGIN | changed))  # type: ignore[arg-type]


def test_nothing_is_said_where_we_come_in() -> None:
    broker = Broker({API_VERSIONS: OK, HANDSHAKE: OK, AUTHENTICATE: OK})
    with broker.serving() as server:
        assert look(server) is None
    assert broker.asked == [API_VERSIONS, HANDSHAKE, AUTHENTICATE]


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        (
            {API_VERSIONS: OK, HANDSHAKE: OK, AUTHENTICATE: FAILED},
            "Kafka refused the password of user riverline (PLAIN)",
        ),
        ({API_VERSIONS: OK, HANDSHAKE: UNSUPPORTED}, "broker {} does not offer PLAIN"),
        (
            {API_VERSIONS: OK, HANDSHAKE: ILLEGAL_STATE},
            "{} does not take logins, which KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT asks for",
        ),
        (
            {API_VERSIONS: OK, HANDSHAKE: OK},
            "broker {} closed the connection at the login of user riverline",
        ),
    ],
)
def test_what_a_broker_answers_is_a_sentence(errors: dict[int, int], said: str) -> None:
    with Broker(errors).serving() as server:
        assert look(server) == Shut(DoorKind.REFUSED, said.format(server))


def test_who_hangs_up_whatever_we_say_is_named() -> None:
    with Broker({}).serving() as server:
        shut = look(server)
    said = f"{server} closes the connection: does it expect KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT?"
    assert shut == Shut(DoorKind.UNREACHABLE, said)


def test_a_broker_that_does_not_know_the_password_itself_is_named() -> None:
    broker = Broker({API_VERSIONS: OK, HANDSHAKE: OK, AUTHENTICATE: OK}, said=b"r=another,s=,i=1")
    with broker.serving() as server:
        shut = look(server, kafka_sasl_mechanism="SCRAM-SHA-256")
    said = f"broker {server} does not prove that it knows the password of user riverline"
    assert shut == Shut(DoorKind.REFUSED, said)


def test_of_several_servers_the_first_that_speaks_counts() -> None:
    errors = {API_VERSIONS: OK, HANDSHAKE: OK, AUTHENTICATE: OK}
    with Broker(errors).serving() as opens, Broker(errors | {AUTHENTICATE: FAILED}).serving() as no:
        assert look("127.0.0.1:1", opens) is None
        shut = look("127.0.0.1:1", no)
    assert shut is not None
    assert shut.kind == DoorKind.REFUSED


def test_servers_that_are_not_there_are_all_named() -> None:
    said = "127.0.0.1:1 does not answer; 127.0.0.1:2 does not answer"
    assert look("127.0.0.1:1", "127.0.0.1:2") == Shut(DoorKind.UNREACHABLE, said)


@pytest.mark.parametrize("host", ["nobody.invalid", "a..b", "x" * 64 + ".example"])
def test_a_host_that_there_is_none_of_is_named(host: str) -> None:
    said = f"the host name of {host}:9092 is not known"
    assert look(f"{host}:9092") == Shut(DoorKind.UNREACHABLE, said)


def test_a_look_ends_in_time_whoever_is_silent() -> None:
    with ExitStack() as stack:
        silent = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(9)]
        servers = tuple(f"127.0.0.1:{it.getsockname()[1]}" for it in silent)
        started = monotonic()
        shut = explain(Environment(kafka_bootstrap_servers=servers), seconds=0.3)
        assert monotonic() - started < 1
    assert shut == Shut(DoorKind.UNREACHABLE, f"{servers[0]} does not answer")


def test_there_is_nothing_to_say_without_time() -> None:
    assert explain(Environment(kafka_bootstrap_servers=("127.0.0.1:1",)), seconds=0) is None
