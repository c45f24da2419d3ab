"""The image's health check asks the port as the consumer's settings describe it."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry

from broker.certificates import Authority
from consumer.telemetry import Web
from consumer.telemetry.faults import Faults
from consumer.telemetry.guard import Certificate, Guard

PROGRAM = Path(__file__).parents[2] / "deploy/healthcheck.py"
TOKEN = uuid4().hex
REASONS: list[str] = []


@pytest.fixture
def port() -> Iterator[int]:
    web = Web(
        "127.0.0.1",
        0,
        CollectorRegistry(),
        alive=list,
        ready=lambda: REASONS,
        guard=Guard(TOKEN),
    )
    with closing(web):
        yield web.port


def check(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(PROGRAM)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_a_ready_consumer_is_healthy(port: int, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    assert check(HTTP_PORT=str(port), HTTP_TOKEN=TOKEN).returncode == 0
    assert check(HTTP_PORT=str(port), HTTP_TOKEN_FILE=str(file)).returncode == 0


def test_one_that_is_not_says_why(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "REASONS", ["Kafka does not answer"])
    ran = check(HTTP_PORT=str(port), HTTP_TOKEN=TOKEN)
    assert (ran.returncode, ran.stderr.split("\n")[0]) == (1, "Kafka does not answer")


def test_a_wrong_token_or_a_closed_port_is_not_healthy(port: int) -> None:
    assert check(HTTP_PORT=str(port), HTTP_TOKEN=f"{TOKEN}s").returncode == 1
    assert check(HTTP_PORT="1").returncode == 1


def test_over_tls_the_name_in_the_certificate_does_not_count(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificates")
    issued = Authority(tmp_path).issue("service", hosts=["service.example.org"])
    guard = Guard(None, Certificate(issued.certificate, issued.key, Faults()).context)
    reasons: list[str] = []
    web = Web("127.0.0.1", 0, CollectorRegistry(), alive=list, ready=lambda: reasons, guard=guard)
    with closing(web):
        tls = {"HTTP_PORT": str(web.port), "HTTP_TLS_CERTFILE": str(issued.certificate)}
        assert check(**tls).returncode == 0
        reasons.append("later")
        assert check(**tls).returncode == 1
        assert check(HTTP_PORT=str(web.port)).returncode == 1
