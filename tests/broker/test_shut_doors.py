"""Each way to be shut out of Kafka is named in a sentence, and mended without a restart.

All parts have the same sentences. The faults are real ones, before a secured cluster; each is told
within 15 s.
"""

import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from time import monotonic

import pytest

from broker import EmbeddedCluster, Security
from contract.environment import Environment
from leaks import unclosed_sockets
from producer import PredictionClient
from producer.errors import KafkaUnavailableError
from support.service import LEARNED, own_names
from support.waiting import wait_until

from .faults import TABLE, Make, changed_password, failing_provider
from .secured_kafka import PASSWORD, SECRET, Kafka, produce, running, told

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates"),
]

IN_TIME_SECONDS = 15


@pytest.mark.parametrize("make", TABLE, ids=lambda make: make.__name__)
def test_each_shut_door_is_named_and_opens_when_it_is_mended(
    secured_kafka: Kafka, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = make(secured_kafka)
    environment = own_names(secured_kafka.cluster.bootstrap_servers) | fault.environment
    with ExitStack() as stack, fault.away:
        service = stack.enter_context(running(environment))
        asked = stack.enter_context(ThreadPoolExecutor(1)).submit(
            asker_says, fault.sentence, environment, monkeypatch
        )
        wait_until(lambda: service.status("/livez") == 200)
        started = monotonic()
        wait_until(lambda: told(service, fault.sentence) > 0, IN_TIME_SECONDS)
        seconds = monotonic() - started
        counted = f'riverline_faults_total{{kind="{fault.kind}"}}'
        wait_until(lambda: service.metric(counted) >= 2)
        assert service.status("/readyz") == 503
        assert fault.sentence in service.page("/readyz")
        assert told(service, fault.sentence) == 1
        asked.result()
        fault.away.close()
        if fault.mend is not None:
            fault.mend(stack)
            wait_until(lambda: service.ready)
            assert "event=recovered" in service.log.read_text()
        assert service.process.poll() is None
        said = service.log.read_text()
        assert not [it for it in (PASSWORD, SECRET, "eyJ") if it in said]  # eyJ: a token begins so
    print({"told after s": round(seconds, 1)})  # noqa: T201


def asker_says(sentence: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """An application's client raises its documented error, in time, and the error says the same."""
    with monkeypatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.syspath_prepend(environment.get("PYTHONPATH", "."))
        patch.delitem(sys.modules, "identity", raising=False)
        settings = Environment.read()
        started = monotonic()
        with unclosed_sockets(), pytest.raises(KafkaUnavailableError) as error:
            PredictionClient(settings, timeout=5)
        assert str(error.value) == sentence
        assert monotonic() - started < 5 + 1.5


@pytest.mark.parametrize("make", [changed_password, failing_provider], ids=lambda it: it.__name__)
def test_a_door_that_shuts_while_the_service_runs_is_named_and_nothing_is_lost(
    make: Make, tmp_path: Path
) -> None:
    with EmbeddedCluster(1, security=Security(tmp_path / "secure")) as cluster:
        fault = make(Kafka(cluster, tmp_path))
        assert fault.mend is not None
        environment = own_names(cluster.bootstrap_servers) | fault.environment
        with running(environment) as service:
            wait_until(lambda: service.ready)
            assert produce(environment, "simulate", "--count", "500") == (0, "")
            fault.begin()
            cluster.kill()
            cluster.start()
            started = monotonic()
            wait_until(lambda: told(service, fault.sentence) == 1, IN_TIME_SECONDS)
            print({"told after s": round(monotonic() - started, 1)})  # noqa: T201
            assert fault.sentence in service.page("/readyz")
            fault.mend(fault.away)
            wait_until(lambda: service.ready)
            assert produce(environment, "simulate", "--count", "500") == (0, "")
            wait_until(lambda: service.metric(LEARNED) == 1000)
            assert service.process.poll() is None
