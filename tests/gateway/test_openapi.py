"""The OpenAPI document says what the gateway does: schemathesis finds nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.conftest import Make
from support.gateway import EVENT, GATEWAY

HERE = Path(__file__).parent

pytest.importorskip("schemathesis", reason="schemathesis reads the OpenAPI document")


@pytest.mark.slow(seconds=60)
def test_schemathesis_finds_nothing(make: Make, tmp_path: Path) -> None:
    gateway = make().gateway
    events = [EVENT | {"tv": tv, "radio": tv % 7, "newspaper": tv % 5} for tv in range(100)]
    assert gateway.post("/v1/ia/events", events).status == 202
    assert gateway.post("/v1/ia/learn", EVENT).status == 202
    served = gateway.get("/openapi.yaml")
    assert served.headers["content-type"].startswith("application/yaml")
    assert served.text == (GATEWAY / "openapi.yaml").read_text()
    done = subprocess.run(
        [
            Path(sys.executable).with_name("st"),
            *("--config-file", HERE / "schemathesis.toml", "--no-color"),
            *("run", f"http://127.0.0.1:{gateway.port}/openapi.yaml"),
            *("--exclude-path", "/v1/ia/live"),  # it has no end
            *("--max-examples", "50", "--generation-deterministic"),
        ],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(HERE)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    print(done.stdout)  # noqa: T201 - pytest shows it of a failed test
    assert done.returncode == 0, done.stdout[-4000:]
