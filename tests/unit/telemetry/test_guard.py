"""The HTTP port's certificate and token, over real sockets."""

import os
import shutil
import ssl
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path

import pytest
import structlog
from prometheus_client import CollectorRegistry

from broker.certificates import Authority
from consumer.telemetry.faults import FaultKind, Faults
from consumer.telemetry.guard import Certificate, Guard
from consumer.telemetry.http import Web

TOKEN = "dG9rZW4-of.a_test="  # noqa: S105


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Who signs certificates."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificates")
    return Authority(tmp_path)


def listening(guard: Guard) -> Web:
    return Web(
        "127.0.0.1", 0, CollectorRegistry(), alive=list, ready=lambda: ["later"], guard=guard
    )


@pytest.fixture
def guarded() -> Iterator[Web]:
    with closing(listening(Guard(TOKEN))) as web:
        yield web


def status(web: Web, path: str, **fields: str) -> int:
    connection = HTTPConnection("127.0.0.1", web.port, timeout=10)
    with closing(connection):
        connection.request("GET", path, headers=fields)
        response = connection.getresponse()
        if response.status == 401:
            assert response.headers["WWW-Authenticate"] == "Bearer"
        return response.status


@pytest.mark.parametrize("path", ["/metrics", "/readyz", "/", "/nothing"])
def test_without_the_token_nothing_is_shown(guarded: Web, path: str) -> None:
    assert status(guarded, path) == 401
    for wrong in ("", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN.upper()}"):
        assert status(guarded, path, Authorization=wrong) == 401


def test_with_the_token_all_is_as_without_one(guarded: Web) -> None:
    for scheme in ("Bearer", "bearer"):
        bearer = f"{scheme} {TOKEN}"
        assert status(guarded, "/metrics", authorization=bearer) == 200
        assert status(guarded, "/readyz", Authorization=bearer) == 503
        assert status(guarded, "/nothing", Authorization=bearer) == 404


def test_whether_the_process_lives_needs_no_token(guarded: Web) -> None:
    assert status(guarded, "/livez") == 200


def test_a_renewed_certificate_is_shown_without_a_restart(authority: Authority) -> None:
    issued = authority.issue("service", hosts=["127.0.0.1"])
    faults = Faults()
    guard = Guard(None, Certificate(issued.certificate, issued.key, faults).context)
    with closing(listening(guard)) as web:
        first = handshake(web, authority)
        authority.issue("service", hosts=["127.0.0.1"])
        second = handshake(web, authority)
        assert first != second
        kept = issued.key.read_bytes()
        issued.key.write_text("no key")
        with structlog.testing.capture_logs() as told:
            assert handshake(web, authority) == second
        assert "was not reloaded" in told[0]["reason"]
        assert faults.counts[FaultKind.CERTIFICATE] == 1
        assert faults.unready() == []
        issued.key.write_bytes(kept)
        with structlog.testing.capture_logs() as told:
            assert handshake(web, authority) == second
        assert [line["event"] for line in told] == ["recovered"]


def handshake(web: Web, authority: Authority) -> bytes:
    """The certificate that a client which trusts the authority is shown."""
    trust = ssl.create_default_context(cafile=str(authority.certificate))
    connection = HTTPSConnection("127.0.0.1", web.port, timeout=10, context=trust)
    with closing(connection):
        connection.connect()
        sock = connection.sock
        assert isinstance(sock, ssl.SSLSocket)
        found = sock.getpeercert(binary_form=True)
        connection.request("GET", "/livez")
        assert connection.getresponse().status == 200
    assert found
    return found


def test_who_speaks_no_tls_is_not_answered_and_leaves_no_line(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    issued = authority.issue("service", hosts=["127.0.0.1"])
    guard = Guard(None, Certificate(issued.certificate, issued.key, Faults()).context)
    with closing(listening(guard)) as web:
        with pytest.raises((OSError, HTTPException)):
            status(web, "/livez")
        handshake(web, authority)
    assert caplog.records == []


def test_files_are_read_again_only_when_they_change(authority: Authority) -> None:
    issued = authority.issue("service")
    certificate = Certificate(issued.certificate, issued.key, Faults())
    before = certificate.context()
    os.utime(issued.certificate, (1, 1))
    assert certificate.context() is not before
    assert certificate.context() is certificate.context()
