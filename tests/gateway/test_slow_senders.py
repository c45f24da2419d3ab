"""Raw sockets that take their time: they are let go, and nobody else waits for them."""

import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from support.gateway import LINES, Gateway, running_gateway
from support.waiting import wait_until

pytestmark = pytest.mark.slow  # half a minute in all

AT_MOST = 2000
HEAD = b"POST /v1/ia/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"


@pytest.fixture(scope="module", autouse=True)
def sockets_enough() -> Iterator[None]:
    """Many systems give a process 1,024 files, and more if it asks."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2 * AT_MOST:
        pytest.skip(f"a process may have {hard} files here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * AT_MOST), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    """One without Kafka: these tests are about HTTP alone."""
    with running_gateway({"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9"}, wait=False) as gateway:
        wait_until(lambda: "listening" in gateway.log.read_text())
        yield gateway


def connect(gateway: Gateway, said: bytes = b"") -> socket.socket:
    sender = socket.create_connection(("127.0.0.1", gateway.port))
    sender.settimeout(20)
    sender.sendall(said)
    return sender


def answers(gateway: Gateway) -> bool:
    started = time.monotonic()
    answered = gateway.get("/metrics").status == 200
    return answered and time.monotonic() - started < 1


def drip(sender: socket.socket, every: bytes, seconds: float) -> bytes:
    """Send a little now and then until there is an answer or an end."""
    sender.settimeout(0.25)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            sender.sendall(every)
            return sender.recv(65536)
        except TimeoutError:
            continue
        except OSError:
            return b""
    raise TimeoutError("still there")


def test_heads_that_come_slowly_are_cut_off(gateway: Gateway) -> None:
    with ExitStack() as stack:
        senders = [
            stack.enter_context(connect(gateway, b"GET / HTTP/1.1\r\nHost: ")) for _ in range(50)
        ]
        assert answers(gateway)
        started = time.monotonic()
        told = drip(senders[0], b"x", 10)
        assert told == b"" or told.startswith(b"HTTP/1.1 408")
        assert time.monotonic() - started > 2  # it had its time
        for sender in senders[1:]:
            assert sender.recv(65536)[:12] in {b"", b"HTTP/1.1 408"}


def test_a_body_that_comes_slowly_is_cut_off(gateway: Gateway) -> None:
    with connect(gateway, HEAD + b"Content-Length: 800000\r\n\r\n") as sender:
        assert answers(gateway)
        told = drip(sender, b" ", 10)
        assert told.startswith(b"HTTP/1.1 408")
        assert b'"code":"too-slow"' in told
        assert sender.recv(1) == b""
    assert 'in_flight{what="bytes"} 0' in gateway.get("/metrics").text


def test_who_only_announces_bodies_keeps_nobody_out(gateway: Gateway) -> None:
    with ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(connect(gateway, HEAD + b"Content-Length: 800000\r\n\r\n"))
        refused = gateway.send("POST", "/v1/ia/events", "[]\n" * 3, LINES)
        assert refused.code == "bad-shape"  # and not too-many-requests
    wait_until(lambda: answers(gateway))


def test_thousands_of_idle_connections_keep_nobody_out(gateway: Gateway) -> None:
    with ExitStack() as stack:
        for number in range(AT_MOST + 1000):
            stack.enter_context(connect(gateway))
            if number % 500 == 0:
                assert answers(gateway)
        assert answers(gateway)
        lines = gateway.get("/metrics").text.splitlines()
        name = "riverline_gateway_connections_dropped_total "
        (dropped,) = [line.removeprefix(name) for line in lines if line.startswith(name)]
        assert float(dropped) >= 1000
    assert len(gateway.log.read_bytes()) < 10_000
    assert gateway.process.poll() is None


def test_a_long_answer_is_not_cut_off_for_newcomers(gateway: Gateway) -> None:
    with (
        connect(gateway, b"GET /v1/ia/live HTTP/1.1\r\nHost: x\r\n\r\n") as watching,
        ExitStack() as stack,
    ):
        assert watching.recv(65536).startswith(b"HTTP/1.1 200")
        for _ in range(AT_MOST + 100):
            stack.enter_context(connect(gateway))
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            assert watching.recv(65536) != b""
