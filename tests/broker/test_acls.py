"""What deploy/acls.sh gives is enough for the main job, on a cluster that denies all else."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path

import pytest

from broker import EmbeddedCluster
from contract.environment import Environment
from principals import Principals
from producer import PredictionClient
from producer.send import send_events
from support.gateway import install, running_gateway
from support.service import Service, running_service
from support.waiting import wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates"),
]

EVENT = {"tv": 1.0, "radio": 2.0, "newspaper": 3.0, "sales": 4.0}
EVENTS = 500


@pytest.fixture
def principals(secured: EmbeddedCluster, tmp_path: Path) -> Principals:
    return Principals(secured, tmp_path)


def test_the_main_job_with_the_least_that_each_part_needs(
    principals: Principals, monkeypatch: pytest.MonkeyPatch
) -> None:
    install()
    for part in ("service-creates", "producer", "asker", "gateway"):
        principals.give(part, part)
    with ExitStack() as stack:
        service = stack.enter_context(running_service(**principals.environment("service-creates")))
        stack.callback(lambda: print(service.log.read_text()))  # noqa: T201
        wait_until(lambda: service.ready)
        principals.simulate("producer", EVENTS)
        wait_until(lambda: learned(service) == EVENTS)
        for variable, value in principals.environment("asker").items():
            monkeypatch.setenv(variable, value)
        with PredictionClient(Environment.read(), timeout=30) as client:
            assert "prediction" in client.predict(tv=50.0)
            assert client.ask("train")["events"] == EVENTS
            client.ask("learn", EVENT)
        assert learned(service) == EVENTS + 1
        gateway = stack.enter_context(running_gateway(principals.environment("gateway")))
        assert gateway.get("/v1/ia/predict?tv=50").status == HTTPStatus.OK
        assert gateway.post("/v1/ia/learn", EVENT).status == HTTPStatus.ACCEPTED
        wait_until(lambda: learned(service) == EVENTS + 2)
        wait_until(lambda: service.ready)
        assert "does not allow" not in service.log.read_text()
        assert service.metric('riverline_faults_total{kind="permission"}') == 0
        assert service.stop() == 0


def test_a_mender_shows_dead_letters_and_sends_them_again_with_the_least_that_it_needs(
    principals: Principals, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in ("service-creates", "producer", "mender"):
        principals.give(part, part)
    with running_service(**principals.environment("service-creates")) as service:
        wait_until(lambda: service.ready)
        for variable, value in principals.environment("producer").items():
            monkeypatch.setenv(variable, value)
        assert send_events(Environment.read(), [EVENT | {"tv": "1"}], 1).acknowledged == 1
        wait_until(lambda: mender(principals).stdout != "")
        line = json.dumps(json.loads(mender(principals).stdout) | {"value": EVENT})
        for told in ("1 sent again", "0 sent again; 1 were before"):
            done = mender(principals, "--replay", "-", said=line)
            assert (done.returncode, done.stderr.strip()) == (0, told)
        wait_until(lambda: learned(service) == 1)


def mender(
    principals: Principals, *arguments: str, said: str = ""
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "producer", "dead-letters", *arguments]
    environment = {**os.environ, **principals.environment("mender")}
    return subprocess.run(
        command, input=said, env=environment, capture_output=True, text=True, check=False
    )


def learned(service: Service) -> float:
    return service.metric("riverline_model_events")
