"""What tests share: one Kafka for a session, from one of three places.

KAFKA_BOOTSTRAP_SERVERS=HOST:PORT pytest    one that runs already
pytest --kafka=docker                       the official image, through testcontainers
pytest                                      the embedded one, its data temporary

FAST_PATH=off pytest tests/broker           services without short cuts through kafka-python
"""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import hypothesis
import pytest

from broker import EmbeddedCluster, EmbeddedKafka, Security, configuration, ports
from broker.distribution import KAFKA_VERSION

# No test has a time to keep: a busy machine is no fault.
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("untimed")


CLUSTERS = {
    "tests/broker/test_askers.py",
    "tests/broker/test_cluster.py",
    "tests/chaos/test_broker_kills.py",
    "tests/chaos/test_leaderless.py",
    "tests/chaos/test_rolling.py",
    "tests/gateway/test_leaders.py",
}
"""The files whose tests want all of a machine: of three brokers, of three instances."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--kafka",
        choices=["embedded", "docker"],
        default="embedded",
        help="where the tests' Kafka runs, unless KAFKA_BOOTSTRAP_SERVERS names one",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest first, for `--dist loadfile`."""
    seconds: Counter[str] = Counter()
    for item in items:
        slow = item.get_closest_marker("slow")
        seconds[_unit(item.nodeid)] += slow.kwargs.get("seconds", 10) if slow else 0
    items.sort(key=lambda item: -seconds[_unit(item.nodeid)])


@pytest.hookimpl(optionalhook=True)  # without xdist there is none
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:  # noqa: ANN401 - xdist's
    """With `--dist loadfile`: a file's tests go to one worker, and so do all of clusters."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling  # noqa: PLC0415 - may be missing

    class ByUnit(LoadFileScheduling):  # type: ignore[misc]  # untyped
        def _split_scope(self, nodeid: str) -> str:
            return _unit(nodeid)

    return ByUnit(config, log)


def _unit(nodeid: str) -> str:
    """What goes to one worker: two clusters at once on two cores lose their leaders."""
    file = nodeid.partition("::")[0]
    return "clusters" if file in CLUSTERS else file


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest) -> Iterator[str]:
    """Bootstrap servers of a Kafka for the whole session; its topics are not removed."""
    if servers := os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        yield servers
    elif request.config.getoption("--kafka") == "docker":
        with _kafka_in_docker() as servers:
            yield servers
    else:
        with EmbeddedKafka() as embedded:
            yield embedded.bootstrap_servers


@pytest.fixture(scope="module")
def three_brokers(request: pytest.FixtureRequest) -> Iterator[EmbeddedCluster]:
    """An open cluster of three for a module: use `cluster`, which finds it whole."""
    assert request.node.nodeid in CLUSTERS
    with EmbeddedCluster(3) as cluster:
        yield cluster


@pytest.fixture
def cluster(three_brokers: EmbeddedCluster) -> EmbeddedCluster:
    """Three brokers, whatever the test before did to them; its topics are not removed."""
    for number in three_brokers.numbers:
        if three_brokers.broker(number).is_running:
            three_brokers.resume(number)
    three_brokers.start()
    three_brokers.wait_until_in_sync()
    return three_brokers


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCluster]:
    """A secured Kafka of one broker for the whole session: nobody stops it."""
    parts = ("service-creates", "producer", "asker", "asker-creates", "gateway", "mender")
    security = Security(tmp_path_factory.mktemp("secure"), ("riverline", "service", *parts))
    with EmbeddedCluster(1, security=security) as cluster:
        yield cluster


@contextmanager
def _kafka_in_docker() -> Iterator[str]:
    """The image apache/kafka with the embedded broker's configuration.

    Not testcontainers' KafkaContainer, which knows Confluent's images alone.  Kafka must tell its
    clients the port that Docker maps, before it knows it: so the port is chosen here.
    """
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415  (if asked for)
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy  # noqa: PLC0415

    docker_errors = pytest.importorskip("docker.errors")  # untyped
    port = ports.free_port("127.0.0.1")
    try:
        container = DockerContainer(f"apache/kafka:{KAFKA_VERSION}")
    except docker_errors.DockerException as error:
        pytest.exit(f"--kafka=docker needs a running Docker engine: {error}", returncode=2)
    container.with_bind_ports(port, port).with_envs(**docker_environment(port))
    with container.waiting_for(LogMessageWaitStrategy("Kafka Server started")):
        yield f"127.0.0.1:{port}"


def docker_environment(port: int) -> dict[str, str]:
    """The image's variables (`a.b=c` becomes KAFKA_A_B=c): inside, listen on every address."""
    controller_port = port + 1
    text = configuration.properties("127.0.0.1", port, controller_port, "/tmp/kafka").decode()  # noqa: S108  (in a container)
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    pairs = dict(line.split("=", 1) for line in lines)
    pairs["listeners"] = f"PLAINTEXT://0.0.0.0:{port},CONTROLLER://127.0.0.1:{controller_port}"
    pairs["listener.security.protocol.map"] = "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"
    return {f"KAFKA_{name.replace('.', '_').upper()}": value for name, value in pairs.items()}
