"""The embedded Kafka through its command and its class, with real clients and real signals."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kafka.errors import KafkaTimeoutError

from broker import DataFolderError, EmbeddedKafka, KafkaFailedError, PortTakenError, distribution
from foreground import command, ended, is_gone, javas_of, ready
from support.waiting import wait_until

EVENTS = [b'{"tv": 230.1, "sales": 22.1}', b'{"tv": 44.5, "sales": 10.4}']


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedKafka]:
    with EmbeddedKafka() as running:
        yield running


def test_the_command_says_ready_serves_and_stops_on_sigterm(tmp_path: Path) -> None:
    with command("--port", "0", "--data", str(tmp_path)) as process:
        servers = ready(process)
        produce(servers)
        assert consume(servers) == EVENTS
        java = only_java_of(process)
        process.terminate()
        assert ended(process) == (0, "")
        assert is_gone(java)


@pytest.mark.slow
def test_ctrl_c_in_a_terminal_stops_kafka_in_order(tmp_path: Path) -> None:
    with command("--port", "0", "--data", str(tmp_path)) as process:
        ready(process)
        java = only_java_of(process)
        for _press in range(3):  # by a person in a hurry; a terminal signals the whole group
            os.killpg(process.pid, signal.SIGINT)
        assert ended(process) == (0, "")
        assert is_gone(java)
    assert "Transition from SHUTTING_DOWN to SHUTDOWN" in (tmp_path / "kafka.log").read_text()


@pytest.mark.slow
def test_a_killed_command_takes_java_with_it_and_leaves_the_records(tmp_path: Path) -> None:
    with command("--port", "0", "--data", str(tmp_path)) as process:
        servers = ready(process)
        produce(servers)
        java = only_java_of(process)
        process.kill()
        with EmbeddedKafka(port_of(servers), tmp_path) as kafka:  # at once: no need to wait
            assert is_gone(java)
            assert consume(kafka.bootstrap_servers) == EVENTS


@pytest.mark.slow
def test_java_outlives_the_thread_that_started_it() -> None:
    kafka = EmbeddedKafka()
    try:
        with ThreadPoolExecutor(1) as executor:
            executor.submit(kafka.start).result()
        produce(kafka.bootstrap_servers)
        assert consume(kafka.bootstrap_servers) == EVENTS
    finally:
        kafka.stop()


@pytest.mark.slow
def test_records_survive_sigkill_on_the_same_port() -> None:
    with EmbeddedKafka() as kafka:
        servers = kafka.bootstrap_servers
        before = cluster_id(servers)
        produce(servers)
        kafka.kill()
        kafka.start()
        assert kafka.bootstrap_servers == servers
        assert cluster_id(servers) == before
        assert consume(servers) == EVENTS
        os.kill(kafka.pid, signal.SIGKILL)  # by somebody else
        kafka.start()
        assert consume(kafka.bootstrap_servers) == EVENTS


@pytest.mark.slow
def test_records_survive_a_stop_and_a_change_of_port(tmp_path: Path) -> None:
    data = tmp_path / "new" / "folder, with = odd # characters: é\\"
    with EmbeddedKafka(data=data) as kafka:
        first = kafka.bootstrap_servers
        before = cluster_id(first)
        produce(first)
    with EmbeddedKafka(data=data) as kafka:
        assert kafka.bootstrap_servers != first
        assert cluster_id(kafka.bootstrap_servers) == before
        assert consume(kafka.bootstrap_servers) == EVENTS


@pytest.mark.slow
def test_two_brokers_run_at_once_and_a_temporary_folder_goes(broker: EmbeddedKafka) -> None:
    with EmbeddedKafka() as other:
        folder = other.data
        assert cluster_id(other.bootstrap_servers) != cluster_id(broker.bootstrap_servers)
        assert folder.is_dir()
    assert not folder.exists()


@pytest.mark.slow
def test_a_paused_kafka_stops_without_waiting_for_the_time_of_grace() -> None:
    kafka = EmbeddedKafka()
    kafka.start()
    java = kafka.pid
    os.kill(java, signal.SIGSTOP)
    start = time.monotonic()
    kafka.stop()
    assert time.monotonic() - start < 10
    assert is_gone(java)


def test_kafka_listens_on_the_given_host_alone(broker: EmbeddedKafka) -> None:
    properties = (broker.data / "server.properties").read_text()
    (listeners,) = [line for line in properties.splitlines() if line.startswith("listeners=")]
    ports = [int(listener.rpartition(":")[2]) for listener in listeners.split(",")]
    assert port_of(broker.bootstrap_servers) in ports
    assert len(ports) == 2  # the broker's and the controller's
    for port in ports:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port), timeout=5)


def test_a_misspelt_topic_is_an_error_and_not_a_new_topic(broker: EmbeddedKafka) -> None:
    with (
        KafkaProducer(bootstrap_servers=broker.bootstrap_servers, max_block_ms=300) as producer,
        pytest.raises(KafkaTimeoutError),
    ):
        producer.send("mobile-evnets", EVENTS[0])


def test_a_taken_port_is_told_in_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with command("--port", str(port)) as process:
            exit_code, told = ended(process)
    assert exit_code == 1
    assert told == (
        f"Can't listen on 127.0.0.1:{port} (Address already in use): stop the program "
        "that does, or choose another port (0 takes a free one).\n"
    )


def test_a_host_that_is_not_ours_is_told() -> None:
    with pytest.raises(PortTakenError, match=r"Can't listen on 192\.0\.2\.1"):
        EmbeddedKafka(host="192.0.2.1").start()


def test_a_data_folder_in_use_is_told(broker: EmbeddedKafka) -> None:
    with pytest.raises(DataFolderError, match="Another Kafka is using the data folder"):
        EmbeddedKafka(data=broker.data).start()


def test_a_data_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataFolderError, match=r"can't be used \(Not a directory\)"):
        EmbeddedKafka(data=tmp_path / "file" / "folder").start()


def test_a_kafka_that_does_not_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    (tmp_path / "kafka").mkdir()  # formatted, as it seems, but empty
    with pytest.raises(KafkaFailedError) as failure:
        EmbeddedKafka(data=tmp_path).start()
    told = str(failure.value)
    assert told.startswith("Kafka ended while it started (exit 1).")
    assert f"The end of {tmp_path / 'kafka.log'}:" in told
    assert "No readable meta.properties files found" in told


@pytest.mark.slow
def test_the_command_ends_when_kafka_dies() -> None:
    with command("--port", "0") as process:
        ready(process)
        os.kill(only_java_of(process), signal.SIGKILL)
        exit_code, told = ended(process)
    assert exit_code == 1
    assert told.startswith("Kafka ended by itself (killed by SIGKILL).")
    assert "Traceback" not in told


def test_a_registry_out_of_reach_is_told_in_a_sentence(tmp_path: Path) -> None:
    with command("--port", "0", M2_REPO=str(tmp_path), **no_network()) as process:
        exit_code, told = ended(process)
    assert exit_code == 1
    assert told.count("\n") == 1
    assert "can't be fetched from Maven Central (ProxyError)" in told
    assert "the first start needs the network" in told


def test_a_damaged_jar_is_not_used(tmp_path: Path) -> None:
    jars = [Path(jar) for jar in distribution.class_path().split(":")]
    repository = Path(os.path.commonpath(jars))
    for jar in jars:
        copy = tmp_path / jar.relative_to(repository)
        copy.parent.mkdir(parents=True)
        copy.symlink_to(jar)
    damaged = tmp_path / jars[-1].relative_to(repository)
    damaged.unlink()
    shutil.copy(jars[-1], damaged)
    os.truncate(damaged, damaged.stat().st_size - 1)
    with command("--port", "0", M2_REPO=str(tmp_path), **no_network()) as process:
        exit_code, told = ended(process)
    assert exit_code == 1
    assert told.startswith(f"Kafka's {damaged.name} can't be fetched")
    assert not damaged.exists()


def only_java_of(process: subprocess.Popen[str]) -> int:
    (java,) = javas_of(process)
    return java


def no_network() -> dict[str, str]:
    """The variables that send every request to a port where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
    return {"HTTPS_PROXY": nowhere, "https_proxy": nowhere, "NO_PROXY": "", "no_proxy": ""}


def port_of(servers: str) -> int:
    return int(servers.rpartition(":")[2])


def cluster_id(servers: str) -> str:
    with KafkaAdminClient(bootstrap_servers=servers) as admin:
        return str(admin.describe_cluster()["cluster_id"])


def produce(servers: str) -> None:
    """Make the topic `events` and send EVENTS to it."""
    with KafkaAdminClient(bootstrap_servers=servers) as admin:
        admin.create_topics([NewTopic("events", 1, 1)])
    with KafkaProducer(bootstrap_servers=servers, acks="all") as producer:
        for event in EVENTS:
            producer.send("events", event).get(timeout=20)


def consume(servers: str) -> list[bytes]:
    """The values in the topic `events`: as many as EVENTS has, or as come in 20 s."""
    values: list[bytes] = []

    def complete() -> bool:
        for batch in consumer.poll(timeout_ms=200).values():
            values.extend(record.value for record in batch)
        return len(values) >= len(EVENTS)

    with KafkaConsumer(bootstrap_servers=servers) as consumer:
        partition = TopicPartition("events", 0)
        consumer.assign([partition])
        consumer.seek_to_beginning(partition)
        wait_until(complete)
    return values
