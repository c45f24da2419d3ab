"""One application on a real Kafka: its topics, its log, and its processes, which may be killed."""

import os
import random
import signal
import sys
import threading
import uuid
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from time import monotonic
from typing import Any, Self

import orjson
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import CoordinatorNotAvailableError, TopicAlreadyExistsError
from kafka.structs import OffsetAndMetadata

from consumer.settings import Settings
from consumer.state.snapshot import Part
from contract import topics
from producer.simulate import simulate
from support.service import Service, own_names, start_service
from support.waiting import wait_until

TESTS = Path(__file__).parents[1]
REFUSED_VALUES: tuple[bytes | None, ...] = (
    None,
    b"",
    b"not json",
    b"[]",
    b'{"tv": 1}',
    b'{"tv": NaN, "radio": 1, "newspaper": 1, "sales": 1}',
    b'{"tv": "1", "radio": 1, "newspaper": 1, "sales": 1}',
    b'{"tv": 1e13, "radio": 1, "newspaper": 1, "sales": 1}',
)

CHUNK = 500
KEY = b"device"  # kafka-python sends no null value without a key
Reply = dict[str, Any]


def tell(figures: object) -> None:
    """Print what a test measured: `pytest -s` or `-rP` shows it."""
    print(figures)  # noqa: T201


def events(count: int, seed: int) -> Iterator[bytes | None]:
    """Values of events: 98 % with a target, 1 % without, 1 % that are refused."""
    chance = random.Random(seed)  # noqa: S311 - a test's chance is repeatable
    for row in simulate(count, seed):
        kind = chance.random()
        if kind < 0.01:
            yield chance.choice(REFUSED_VALUES)
        elif kind < 0.02:
            yield orjson.dumps(row | {"sales": None})
        else:
            yield orjson.dumps(row)


@dataclass(slots=True)
class Instance:
    """A consumer under one INSTANCE_ID, through all its lives.

    Attributes:
        environment: The service's variables.
        log: What all its lives say, one after another.
        lives: How often it was started.
    """

    environment: dict[str, str]
    log: Path
    lives: int = 0
    _service: Service | None = None

    @property
    def service(self) -> Service:
        """Its present life, or the last one."""
        assert self._service is not None
        return self._service

    @property
    def runs(self) -> bool:
        return self._service is not None and self._service.runs

    def start(self, *mutation: str, **environment: str) -> Self:
        """Begin a life: the service, or a mutant of it."""
        assert not self.runs
        self.lives += 1
        module = ["chaos.mutant", *mutation] if mutation else ["consumer"]
        paths = {"PYTHONPATH": os.pathsep.join((str(TESTS), *sys.path))}
        self._service = start_service(
            self.environment | paths | environment, self.log, ["-m", *module]
        )
        return self

    def wait_ready(self, seconds: float = 60.0) -> Self:
        wait_until(lambda: self.service.ready or not self.runs, seconds)
        assert self.runs, self.said
        return self

    def kill(self) -> None:
        """SIGKILL: nothing in the process can notice."""
        self.service.process.kill()
        self.service.process.wait()

    def pause(self) -> None:
        self.service.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.service.process.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        return self.service.stop()

    def wait_ended(self, seconds: float = 60.0) -> int:
        """The exit code of a life that ends by itself, minus the signal's number if it died."""
        return self.service.process.wait(timeout=seconds)

    @property
    def said(self) -> str:
        return self.log.read_text()

    @property
    def last_line(self) -> str:
        return self.said.strip().rpartition("\n")[2]


@dataclass(slots=True)
class World:
    """Names that no other test has, on one Kafka.

    Attributes:
        servers: Bootstrap servers.
        folder: Where the logs of its instances are.
        partitions: Of the events topic.
        environment: The service's variables beside the names.
        own: The part of the names that is this world's alone.
        instances: Those that were made, by name.
    """

    servers: str
    folder: Path
    partitions: int = 4
    environment: dict[str, str] = field(default_factory=dict)
    own: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    instances: dict[str, Instance] = field(default_factory=dict)

    @property
    def names(self) -> dict[str, str]:
        return {
            **own_names(self.servers, self.own),
            "CHECKPOINT_INTERVAL_MS": "200",
            **self.environment,
        }

    @property
    def settings(self) -> Settings:
        """What its instances read from their environment."""
        return Settings(**{name.lower(): value for name, value in self.names.items()})  # type: ignore[arg-type]

    @property
    def events_topic(self) -> str:
        return self.names["EVENTS_TOPIC"]

    def instance(self, name: str = "one", **environment: str) -> Instance:
        """The instance of this INSTANCE_ID; made, and not started, where it is new."""
        if name not in self.instances:
            variables = {**self.names, "INSTANCE_ID": name, **environment}
            self.instances[name] = Instance(variables, self.folder / f"{name}.log")
        return self.instances[name]

    @contextmanager
    def admin(self) -> Iterator[KafkaAdminClient]:
        with closing(KafkaAdminClient(bootstrap_servers=self.servers)) as admin:
            yield admin

    def create(self, topic: str, partitions: int, **config: str) -> None:
        with self.admin() as admin:
            admin.create_topics({topic: {"num_partitions": partitions, "configs": config}})

    def begin(self) -> Self:
        """Make the events topic as wide as is wanted."""
        self.create(self.events_topic, self.partitions)
        return self

    def send(self, values: Iterable[bytes | None], topic: str = "", **where: Any) -> None:  # noqa: ANN401
        """Send events, round the partitions unless told ``partition``; all are acknowledged."""
        with closing(plain_producer(self.servers)) as producer:
            futures = [
                producer.send(
                    topic or self.events_topic,
                    value=value,
                    **{"key": KEY, "partition": number % self.partitions, **where},
                )
                for number, value in enumerate(values)
            ]
            for future in futures:
                future.get(timeout=60)

    def put(self, number: int, *documents: bytes | None, part: Part = Part.REGRESSION) -> None:
        """Append to a partition of the changelog, which is made where it is missing."""
        changelog = topics.changelog(self.settings.changelog_topic, self.partitions)
        with suppress(TopicAlreadyExistsError):
            self.create(changelog.name, changelog.partition_count, **changelog.config)
        self.send(documents, changelog.name, partition=number, key=part.key(number))

    def commit(self, positions: dict[int, int]) -> None:
        """Set the learners' offsets, once nobody learns; no state may ever depend on them."""
        offsets = {
            TopicPartition(self.events_topic, number): OffsetAndMetadata(position, "", -1)
            for number, position in positions.items()
        }
        group = f"{self.settings.application_id}-learner"
        with self.admin() as admin:
            wait_until(lambda: _is_left(admin, group))
            admin.alter_group_offsets(group, offsets)

    def log_range(self, topic: str = "") -> dict[int, tuple[int, int]]:
        """The first and the next offset of each partition."""
        topic = topic or self.events_topic
        with closing(KafkaConsumer(bootstrap_servers=self.servers)) as consumer:
            at = [TopicPartition(topic, n) for n in sorted(consumer.partitions_for_topic(topic))]
            first, last = consumer.beginning_offsets(at), consumer.end_offsets(at)
        return {tp.partition: (first[tp], last[tp]) for tp in at}

    def close(self) -> None:
        """Kill what still runs, and show what it said."""
        for name, instance in self.instances.items():
            if instance.runs:
                instance.kill()
            tell(f"--- {name}, {instance.lives} lives, at the end:")
            tell("\n".join(instance.said.splitlines()[-40:]))


def _is_left(admin: KafkaAdminClient, group: str) -> bool:
    """Whether the group has no member; not known while its coordinator is not there."""
    try:
        return not admin.describe_groups([group])[group]["members"]
    except CoordinatorNotAvailableError:
        return False


def plain_producer(servers: str, **options: int) -> KafkaProducer:
    """A producer that never gives up while a broker is restarted; repeats stay in the log."""
    return KafkaProducer(
        bootstrap_servers=servers,
        acks="all",
        enable_idempotence=False,
        linger_ms=5,
        max_block_ms=60_000,
        reconnect_backoff_max_ms=1000,
        **options,
    )


def stream(servers: str, topic: str, count: int, seed: int, seconds: float) -> None:
    """Send so many events in so many seconds, through whatever happens to the broker."""
    with closing(plain_producer(servers)) as producer:
        partitions = len(producer.partitions_for(topic))
        pace = threading.Event()  # never set
        started = monotonic()
        futures = []
        for number, value in enumerate(events(count, seed)):
            if number % CHUNK == 0:
                pace.wait(max(0.0, started + seconds * number / count - monotonic()))
            futures.append(
                producer.send(topic, value=value, key=KEY, partition=number % partitions)
            )
        for future in futures:
            future.get(timeout=120)


def stream_until(stop: Event, servers: str, topic: str, rate: int) -> None:
    """Send so many events a second, until told to stop."""
    for seed in count():
        if stop.is_set():
            return
        stream(servers, topic, 5 * rate, seed, 5.0)


@contextmanager
def streaming(world: World, rate: int) -> Iterator[None]:
    """Send so many events a second, in a process of its own: kafka-python leaves sockets about."""
    spawn = get_context("spawn")
    stop = spawn.Event()
    process = spawn.Process(
        target=stream_until, args=(stop, world.servers, world.events_topic, rate)
    )
    process.start()
    try:
        yield
        stop.set()
        process.join(120)
        assert process.exitcode == 0
    finally:
        process.kill()
        process.join()
