"""What deploy/acls.sh gives is enough for the main job, on a cluster that denies all else."""

import shutil
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path

import pytest

from broker import EmbeddedCluster
from contract.environment import Environment
from principals import Principals
from producer import PredictionClient
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


def learned(service: Service) -> float:
    return service.metric("riverline_model_events")
