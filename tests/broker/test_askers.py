"""Who asks a cluster whose brokers come and go: is answered, or told what is documented."""

import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import orjson
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import NewTopic
from kafka.errors import KafkaError

from broker import EmbeddedCluster
from contract.environment import Environment
from echo import echo
from leaks import unclosed_sockets
from producer import LearningUnknownError, PredictionClient
from producer.send import send_events
from producer.simulate import simulate
from support.service import own_names
from support.waiting import wait_until

pytestmark = pytest.mark.slow(seconds=40)  # three more brokers

PARTITIONS = 6
EVENTS_PER_SECOND = 2000
SECONDS = 60.0
"""An answer may take as long: how soon a partition has a new leader is Kafka's matter."""


@pytest.fixture(autouse=True)
def sockets() -> Iterator[None]:
    with unclosed_sockets():
        yield


@pytest.fixture
def topics(cluster: EmbeddedCluster, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Environment]:
    """Make request and reply topics with so many replicas; the settings that name them."""

    def make(replicas: int) -> Environment:
        names = own_names(cluster.bootstrap_servers)
        for name, value in names.items():
            monkeypatch.setenv(name, value)
        settings = Environment.read()
        config = {"min.insync.replicas": str(max(1, replicas - 1))}
        with KafkaAdminClient(**settings.admin_options()) as admin:
            made = settings.requests_topic, settings.replies_topic, settings.events_topic
            admin.create_topics(
                [NewTopic(name, PARTITIONS, replicas, topic_configs=config) for name in made]
            )
        cluster.wait_until_in_sync()
        return settings

    return make


def led(settings: Environment, topic: str) -> dict[int, int]:
    """Who leads each partition of a topic that has a leader; of none where Kafka does not say."""
    try:
        with KafkaAdminClient(**settings.admin_options()) as admin:
            (described,) = admin.describe_topics([topic])
    except KafkaError:
        return {}
    return {
        it["partition_index"]: it["leader_id"]
        for it in described["partitions"]
        if it["leader_id"] != -1
    }


@dataclass
class Asking:
    """Questions asked all the time, and what became of each."""

    client: PredictionClient
    method: str = "predict"
    seconds: list[tuple[float, float]] = field(default_factory=list)
    errors: list[tuple[float, BaseException]] = field(default_factory=list)

    def ask(self) -> None:
        began = monotonic()
        name = uuid.uuid4().hex
        try:
            assert self.client.ask(self.method, {"name": name})["params"] == {"name": name}
            self.seconds.append((began, monotonic() - began))
        except Exception as error:  # noqa: BLE001 - whatever a hostile record makes the client raise
            self.errors.append((began, error))

    @property
    def count(self) -> int:
        return len(self.seconds) + len(self.errors)

    @property
    def slowest(self) -> float:
        return max(seconds for _, seconds in self.seconds)


@contextmanager
def asking(client: PredictionClient, rate: float, method: str = "predict") -> Iterator[Asking]:
    """Ask so many questions a second; at the end each has its outcome."""
    asked, done = Asking(client, method), threading.Event()

    def ask_all(pool: ThreadPoolExecutor) -> None:
        while not done.wait(1 / rate):
            pool.submit(asked.ask)

    with ThreadPoolExecutor(int(rate * 12)) as pool:
        thread = threading.Thread(target=ask_all, args=(pool,))
        thread.start()
        try:
            yield asked
        finally:
            done.set()
            thread.join()


def test_questions_go_round_partitions_without_a_leader(
    cluster: EmbeddedCluster, topics: Callable[..., Environment]
) -> None:
    settings = topics(replicas=1)
    with echo(settings, PARTITIONS) as answering, PredictionClient(settings) as client:
        with asking(client, 20) as asked:
            wait_until(lambda: asked.count > 20)
            cluster.kill(1)
            wait_until(lambda: 0 < len(led(settings, settings.replies_topic)) < PARTITIONS)
            gone = set(range(PARTITIONS)) - led(settings, settings.replies_topic).keys()
            count = asked.count
            wait_until(lambda: asked.count > count + 100)
        assert not asked.errors
        with PredictionClient(settings) as another:
            assert all(another.ask("describe", {"n": n})["params"] == {"n": n} for n in range(50))
            cluster.start(1)
            wait_until(lambda: len(led(settings, settings.replies_topic)) == PARTITIONS)
            answering.reply_partition = gone.pop()
            for late in (client, another):
                assert late.ask("predict", {"read": "again"})["params"] == {"read": "again"}


@pytest.mark.parametrize("fault", ["kill", "pause", "stop"])
def test_when_a_leader_goes_its_questions_are_saved(
    cluster: EmbeddedCluster, topics: Callable[..., Environment], fault: str
) -> None:
    settings = topics(replicas=3)
    with (
        echo(settings, PARTITIONS),
        PredictionClient(settings, timeout=SECONDS) as client,
        asking(client, 50) as asked,
    ):
        for number in cluster.numbers:
            count = asked.count
            wait_until(lambda: asked.count > count + 50)  # noqa: B023
            getattr(cluster, fault)(number)
            count = asked.count
            wait_until(lambda: asked.count > count + 300)  # noqa: B023
            if fault == "pause":
                cluster.resume(number)
            else:
                cluster.start(number)
            cluster.wait_until_in_sync()
    print(f"{fault}: {asked.count} questions, {asked.errors}, slowest {asked.slowest:.2f} s")  # noqa: T201
    assert not asked.errors


def test_an_event_is_never_handed_over_twice(
    cluster: EmbeddedCluster, topics: Callable[..., Environment]
) -> None:
    settings = topics(replicas=3)
    with echo(settings, PARTITIONS) as answering:
        with (
            PredictionClient(settings) as client,
            asking(client, 50, method="learn") as asked,
        ):
            for number in cluster.numbers:
                count = asked.count
                wait_until(lambda: asked.count > count + 50)  # noqa: B023
                cluster.kill(number)
                count = asked.count
                wait_until(lambda: asked.count > count + 200)  # noqa: B023
                cluster.start(number)
                cluster.wait_until_in_sync()
        print(f"{asked.count} events, {asked.errors}, slowest {asked.slowest:.2f} s")  # noqa: T201
        assert set(answering.asked.values()) == {1}
    assert all(isinstance(error, LearningUnknownError) for _, error in asked.errors)
    assert len(asked.errors) * 200 <= asked.count


def test_a_client_opens_beside_a_broker_that_says_nothing(
    cluster: EmbeddedCluster, topics: Callable[..., Environment]
) -> None:
    settings = topics(replicas=3)
    with echo(settings, PARTITIONS):
        cluster.pause(2)
        for _ in range(5):
            with PredictionClient(settings) as client:
                assert client.predict(tv=1)["params"] == {"tv": 1}


@pytest.mark.parametrize("replicas", [1, 3])
def test_events_are_sent_once_and_in_order_whatever_brokers_do(
    cluster: EmbeddedCluster, topics: Callable[..., Environment], replicas: int
) -> None:
    settings = topics(replicas=replicas)
    events, over = list[dict[str, Any]](), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send_events, settings, until(over, events), 0, rate=EVENTS_PER_SECOND)
        try:
            for number in cluster.numbers:
                before = written(settings)
                wait_until(lambda: written(settings) > before + EVENTS_PER_SECOND)  # noqa: B023
                cluster.kill(number)
                if replicas == 1:
                    wait_until(lambda: 0 < len(led(settings, settings.events_topic)) < PARTITIONS)
                cluster.start(number)
                cluster.wait_until_in_sync()
        finally:
            over.set()
        delivery = sending.result()
    assert (delivery.acknowledged, delivery.reasons) == (len(events), {})
    records = sent(settings)
    assert sorted(record.value for record in records) == sorted(map(orjson.dumps, events))
    for partition in range(PARTITIONS):
        times = [record.timestamp for record in records if record.partition == partition]
        assert times == sorted(times)


def until(over: threading.Event, taken: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Events until it is over; what was taken of them is in the list."""
    for event in simulate(10**9, seed=1):
        if over.is_set():
            return
        taken.append(event)
        yield event


def written(settings: Environment) -> int:
    """How many events are in those partitions that have a leader."""
    partitions = [
        TopicPartition(settings.events_topic, it) for it in led(settings, settings.events_topic)
    ]
    try:
        with KafkaConsumer(**settings.client_options()) as consumer:
            return sum(consumer.end_offsets(partitions, timeout_ms=1000).values())
    except (KafkaError, KeyError):  # a leader goes just now
        return 0


def sent(settings: Environment) -> list[Any]:
    """All events."""
    partitions = [TopicPartition(settings.events_topic, it) for it in range(PARTITIONS)]
    records: list[Any] = []
    with KafkaConsumer(**settings.client_options()) as consumer:
        consumer.assign(partitions)
        consumer.seek_to_beginning()
        count = written(settings)
        while len(records) < count:
            for batch in consumer.poll(timeout_ms=200).values():
                records += batch
    return records
