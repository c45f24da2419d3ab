"""Several brokers: what one may lose, and that each is a broker like the one that is alone."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

from broker import BrokerError, DataFolderError, EmbeddedCluster, KafkaFailedError
from foreground import command, ended, is_gone, javas_of, ready
from support.waiting import wait_until

pytestmark = pytest.mark.slow  # three more brokers

PARTITIONS = 3


def test_no_acknowledged_record_is_lost_when_each_broker_is_killed_in_turn(
    cluster: EmbeddedCluster,
) -> None:
    make_topic(cluster, "kills")
    with producing(cluster, "kills") as acknowledged:
        for number in cluster.numbers:
            cluster.kill(number)
            assert not cluster.broker(number).is_running
            acknowledged.wait_for_more()
            cluster.start(number)
            cluster.wait_until_in_sync()
        numbers = acknowledged.numbers()
    assert numbers <= read_all(cluster, "kills")


def test_a_paused_broker_is_replaced_and_catches_up(cluster: EmbeddedCluster) -> None:
    make_topic(cluster, "pauses")
    with producing(cluster, "pauses") as acknowledged:
        cluster.pause(2)
        assert cluster.broker(2).is_running
        acknowledged.wait_for_more()
        with pytest.raises(KafkaFailedError, match=r"isn't whole after 1 s: (2 of 3|no answer)"):
            cluster.wait_until_in_sync(timeout_s=1)
        cluster.resume(2)
        cluster.wait_until_in_sync()
        numbers = acknowledged.numbers()
    assert numbers <= read_all(cluster, "pauses")


def test_a_stopped_broker_hands_over_and_comes_back_on_its_port(cluster: EmbeddedCluster) -> None:
    make_topic(cluster, "stops")
    servers = cluster.bootstrap_servers
    cluster.stop(1)
    assert "SHUTTING_DOWN to SHUTDOWN" in (cluster.broker(1).data / "kafka.log").read_text()
    with pytest.raises(BrokerError, match="Broker 1 isn't running"):
        cluster.wait_until_in_sync()
    with producing(cluster, "stops") as acknowledged:
        acknowledged.wait_for_more()
    cluster.start(1)
    cluster.wait_until_in_sync()
    assert cluster.bootstrap_servers == servers
    only_the_first = servers.split(",")[0]
    with KafkaAdminClient(bootstrap_servers=only_the_first) as admin:
        assert admin.describe_topics(["stops"])[0]["partitions"]


def test_what_kafka_keeps_for_itself_has_three_replicas_too(cluster: EmbeddedCluster) -> None:
    make_topic(cluster, "offsets")
    with KafkaConsumer(
        "offsets", bootstrap_servers=cluster.bootstrap_servers, group_id="offsets"
    ) as consumer:
        wait_until(lambda: bool(consumer.poll(100)) or bool(consumer.assignment()))
    with KafkaAdminClient(bootstrap_servers=cluster.bootstrap_servers) as admin:
        (topic,) = admin.describe_topics(["__consumer_offsets"])
    assert [len(partition["replica_nodes"]) for partition in topic["partitions"]] == [3] * 4


def test_a_cluster_continues_what_is_in_its_folder(tmp_path: Path) -> None:
    with EmbeddedCluster(3, data=tmp_path) as first:
        make_topic(first, "kept")
        with producing(first, "kept") as acknowledged:
            acknowledged.wait_for_more()
            numbers = acknowledged.numbers()
    with EmbeddedCluster(3, data=tmp_path) as second:
        assert numbers <= read_all(second, "kept")


def test_settings_of_a_test_win() -> None:
    with (
        EmbeddedCluster(1, properties={"auto.create.topics.enable": "true"}) as alone,
        KafkaProducer(bootstrap_servers=alone.bootstrap_servers) as producer,
    ):
        assert producer.send("new", b"made by asking").get(timeout=20).offset == 0


def test_a_folder_of_one_broker_or_of_another_number_is_refused(tmp_path: Path) -> None:
    (tmp_path / "one" / "kafka").mkdir(parents=True)
    (tmp_path / "two" / "broker-1").mkdir(parents=True)
    (tmp_path / "two" / "broker-2").mkdir()
    with pytest.raises(DataFolderError, match="is of a single broker, not of a cluster"):
        EmbeddedCluster(3, data=tmp_path / "one").start()
    with pytest.raises(DataFolderError, match="is of a cluster of 2, not 3"):
        EmbeddedCluster(3, data=tmp_path / "two").start()
    (tmp_path / "file").touch()
    with pytest.raises(DataFolderError, match="can't be used"):
        EmbeddedCluster(3, data=tmp_path / "file" / "folder").start()


def test_a_broker_that_is_not_there_is_told() -> None:
    cluster = EmbeddedCluster(3)
    with pytest.raises(BrokerError, match="There is no broker 1 now: start the cluster first"):
        cluster.kill(1)
    with pytest.raises(BrokerError, match="no addresses yet"):
        _ = cluster.bootstrap_servers


def test_a_killed_command_takes_all_its_brokers_with_it(tmp_path: Path) -> None:
    with command("--port", "0", "--brokers", "3", "--data", str(tmp_path)) as process:
        servers = ready(process)
        javas = javas_of(process)
        assert len(servers.split(",")) == len(javas) == 3
        process.kill()
        assert all(map(is_gone, javas))


def test_the_command_tells_of_each_broker_that_dies_and_ends_with_the_last() -> None:
    with command("--port", "0", "--brokers", "3") as process:
        ready(process)
        assert process.stderr is not None
        first, *others = javas_of(process)
        os.kill(first, signal.SIGKILL)
        assert process.stderr.readline() == "Kafka ended by itself (killed by SIGKILL).\n"
        assert process.poll() is None
        for java in others:
            os.kill(java, signal.SIGKILL)
        exit_code, told = ended(process)
    assert exit_code == 1
    assert told.endswith("No broker is left.\n")


def test_bad_arguments_are_told_in_one_message() -> None:
    for arguments, told in {
        ("--brokers", "0"): "Invalid value for '--brokers'",
        ("--brokers", "three"): "Invalid value for '--brokers'",
        ("--brokers", "3", "--port", "65534"): "ports up to 65536 are needed",
    }.items():
        with command(*arguments) as process:
            exit_code, error = ended(process)
        assert exit_code == 2
        assert told in error


def make_topic(cluster: EmbeddedCluster, name: str) -> None:
    """Make a topic that any one broker may leave."""
    configs = {"min.insync.replicas": "2"}
    topic = NewTopic(name, PARTITIONS, 3, topic_configs=configs)
    with KafkaAdminClient(bootstrap_servers=cluster.bootstrap_servers) as admin:
        admin.create_topics([topic])
    cluster.wait_until_in_sync()


class Acknowledged:
    """The numbers that Kafka has acknowledged to a producer that sends all the time."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def numbers(self) -> set[int]:
        return {int(line) for line in self._file.read_text().splitlines(keepends=True)[:-1]}

    def wait_for_more(self) -> None:
        """Wait for records that are sent and acknowledged from now on, in each partition."""
        newest = max(self.numbers(), default=-1)

        def in_each_partition() -> bool:
            new = {number for number in self.numbers() if number > newest + 1000}
            return {number % PARTITIONS for number in new} == set(range(PARTITIONS))

        wait_until(in_each_partition, 60)


@contextmanager
def producing(cluster: EmbeddedCluster, topic: str) -> Iterator[Acknowledged]:
    """Send numbers to the topic all the time."""
    servers = cluster.bootstrap_servers
    script = Path(__file__).parents[1] / "acknowledged.py"
    with TemporaryDirectory() as folder:
        file = Path(folder) / "acknowledged"
        with (
            file.open("w") as output,
            subprocess.Popen(
                [sys.executable, str(script), servers, topic, str(PARTITIONS)], stdout=output
            ) as process,
        ):
            try:
                acknowledged = Acknowledged(file)
                wait_until(lambda: bool(acknowledged.numbers()), 60)  # it has begun
                yield acknowledged
                process.terminate()
                assert process.wait(70) == 0
            finally:
                process.kill()


def read_all(cluster: EmbeddedCluster, topic: str) -> set[int]:
    """The numbers in the topic now."""
    partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    numbers: set[int] = set()
    with KafkaConsumer(bootstrap_servers=cluster.bootstrap_servers) as consumer:
        consumer.assign(partitions)
        consumer.seek_to_beginning()
        ends = consumer.end_offsets(partitions)

        def complete() -> bool:
            for batch in consumer.poll(timeout_ms=200).values():
                numbers.update(int(record.value) for record in batch)
            return all(consumer.position(partition) >= end for partition, end in ends.items())

        wait_until(complete)
    return numbers
