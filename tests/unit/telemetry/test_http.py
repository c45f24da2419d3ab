"""/metrics, /livez and /readyz, over real sockets."""

import re
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

import pytest
from prometheus_client import CollectorRegistry, Counter

from consumer.telemetry.http import MAX_CONNECTIONS, MAX_HEAD_BYTES, PATIENCE_SECONDS, Web


@dataclass
class Server:
    """A server, and the reasons that its checks give."""

    web: Web
    alive: list[str] = field(default_factory=list)
    ready: list[str] = field(default_factory=list)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.web.port), timeout=30)

    def exchange(self, request: bytes) -> bytes:
        """All that the server sends before it closes."""
        with self.connect() as connection:
            try:
                connection.sendall(request)
                return b"".join(iter(lambda: connection.recv(65536), b""))
            except ConnectionError:
                return b""

    def get(self, path: str, *fields: str) -> tuple[int, dict[str, str], str]:
        """Status, header fields and body."""
        return self.ask("GET", path, *fields)

    def ask(self, method: str, path: str, *fields: str) -> tuple[int, dict[str, str], str]:
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *fields, "", ""]
        head, _, body = self.exchange("\r\n".join(lines).encode()).decode().partition("\r\n\r\n")
        status, *rest = head.split("\r\n")
        return int(status.split(" ")[1]), dict(line.split(": ", 1) for line in rest), body


@pytest.fixture
def server() -> Iterator[Server]:
    registry = CollectorRegistry()
    Counter("tests", "Tests that were run.", registry=registry).inc(7)
    made: list[Server] = []
    web = Web(
        "127.0.0.1",
        0,
        registry,
        alive=lambda: made[0].alive,
        ready=lambda: made[0].ready,
    )
    made.append(Server(web))
    yield made[0]
    web.close()


@pytest.fixture
def descriptors() -> Iterator[None]:
    """Room for both ends of 2,000 connections in this one process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 8192
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"{wanted} file descriptors are needed, {hard} are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_metrics_are_in_prometheus_text_format(server: Server) -> None:
    status, fields, body = server.get("/metrics")
    assert status == 200
    assert fields["Content-Type"].startswith("text/plain; version=")
    assert "# TYPE tests_total counter\ntests_total 7.0\n" in body


def test_metrics_are_in_openmetrics_for_who_asks(server: Server) -> None:
    accept = "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5"
    _, fields, body = server.get("/metrics", accept)
    assert fields["Content-Type"].startswith("application/openmetrics-text")
    assert body.endswith("# EOF\n")


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_a_check_without_objections_is_ok(server: Server, path: str) -> None:
    assert server.get(path)[::2] == (200, "ok\n")


def test_each_check_gives_its_own_reasons_a_line_each(server: Server) -> None:
    server.ready = ["Kafka does not answer", "no assignment yet"]
    assert server.get("/livez")[::2] == (200, "ok\n")
    assert server.get("/readyz")[::2] == (503, "Kafka does not answer\nno assignment yet\n")
    server.alive = ["learner has not turned for 61 s"]
    assert server.get("/livez")[::2] == (503, "learner has not turned for 61 s\n")


def test_a_query_is_passed_over(server: Server) -> None:
    assert server.get("/livez?verbose=1")[0] == 200


@pytest.mark.parametrize("path", ["/", "/metrics/", "/livezz", "/..%2fetc/passwd", "*", "//livez"])
def test_an_unknown_path_is_not_found(server: Server, path: str) -> None:
    assert server.get(path)[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "get", "CONNECT"])
@pytest.mark.parametrize("path", ["/metrics", "/livez"])
def test_what_does_not_read_is_not_allowed(server: Server, method: str, path: str) -> None:
    assert server.ask(method, path)[0] == 405


@pytest.mark.parametrize("path", ["/metrics", "/livez"])
def test_head_is_get_without_the_body(server: Server, path: str) -> None:
    status, fields, body = server.get(path)
    head_status, head_fields, head_body = server.ask("HEAD", path)
    assert (head_status, head_fields, head_body) == (status, fields, "")
    assert int(fields["Content-Length"]) == len(body.encode())


@pytest.mark.parametrize("excess", [1, 100_000, 10_000_000])
def test_a_head_that_is_too_long_is_not_read_to_its_end(server: Server, excess: int) -> None:
    start = b"GET /livez HTTP/1.1\r\nX: "
    request = start + b"x" * (MAX_HEAD_BYTES + excess - len(start)) + b"\r\n\r\n"
    assert server.exchange(request) == b""
    assert server.get("/livez")[0] == 200


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\r\n\r\n",
        b"\0\xff\xfe\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /nowhere\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b": :\r\n:\r\n\r\n",
    ],
)
def test_what_is_no_http_gets_no_page(server: Server, request_bytes: bytes) -> None:
    assert server.exchange(request_bytes).startswith(b"HTTP/1.1 404 ")
    assert server.get("/livez")[0] == 200


def test_a_client_that_goes_away_disturbs_nobody(server: Server) -> None:
    for start in (b"", b"GET", b"GET /metrics HTTP/1.1\r\n\r\n"):
        with server.connect() as connection:
            connection.sendall(start)
    assert server.get("/livez")[0] == 200


def page(server: Server) -> str:
    return server.get("/metrics")[2]


@pytest.mark.parametrize(
    "held",
    [900, 2000],
)
@pytest.mark.usefixtures("descriptors")
def test_half_open_connections_cost_no_threads_and_hold_up_nobody(
    server: Server, held: int, caplog: pytest.LogCaptureFixture
) -> None:
    threads = threading.active_count()
    with ExitStack() as stack:
        for _ in range(held):
            connection = stack.enter_context(server.connect())
            with suppress(ConnectionError):
                connection.sendall(b"GET /metrics HTTP/1.1\r\n")
        assert server.exchange(b"GET /livez HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 200 ")
        assert threading.active_count() == threads
        found = re.search(
            r"^riverline_http_connections_dropped_total (.+)$", page(server), re.MULTILINE
        )
        assert found is not None
        too_many = max(0, held - MAX_CONNECTIONS)
        assert too_many <= float(found[1]) <= too_many + 2  # we asked twice ourselves
    assert caplog.records == []  # 18 lines for each that was dropped, before


def test_a_client_that_says_nothing_is_let_go_of(server: Server) -> None:
    with server.connect() as connection:
        connection.settimeout(2 * PATIENCE_SECONDS)
        connection.sendall(b"GET /metrics HTTP/1.1\r\n")
        assert connection.recv(1) == b""


def test_a_port_that_is_taken_is_an_error_of_the_system(server: Server) -> None:
    with pytest.raises(OSError, match="in use"):
        Web("127.0.0.1", server.web.port, CollectorRegistry(), alive=list, ready=list)


def test_a_server_that_is_closed_leaves_no_thread_and_no_listener(server: Server) -> None:
    threads = threading.active_count()
    other = Server(Web("127.0.0.1", 0, CollectorRegistry(), alive=list, ready=list))
    with other.connect() as half_open:
        half_open.sendall(b"GET")
        assert other.get("/livez")[0] == 200
        other.web.close()
        with suppress(ConnectionResetError):
            assert half_open.recv(1) == b""
    assert threading.active_count() == threads
    with pytest.raises(ConnectionRefusedError):
        other.connect()
    assert server.get("/livez")[0] == 200
