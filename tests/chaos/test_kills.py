"""Two consumers killed -9 every second or two, and their broker too, while events stream.

A safeguard that is taken out shows after a single kill (`test_mutations.py`), and each place where
a process can die has a test of its own (`test_crash_points.py`): these are for what comes together
by chance.
"""

import random
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from itertools import zip_longest
from multiprocessing import get_context
from pathlib import Path
from time import monotonic, time

import pytest

from broker import EmbeddedKafka
from chaos.reference import judge
from chaos.saved import wait_saved
from chaos.world import World, plain_producer, stream, tell
from unit.late import late_model, messy_log

pytestmark = pytest.mark.slow(seconds=60)
EVENTS = 120_000
KILLS = 20
BROKER_KILLS = 3
PARTITIONS = 16
SEED = 20260801


def test_kill_9_of_consumers_and_of_the_broker_changes_no_bit(tmp_path: Path) -> None:
    chance = random.Random(SEED)  # noqa: S311 - repeatable
    seconds = 1.5 * KILLS
    with (
        EmbeddedKafka(data=tmp_path / "kafka") as kafka,
        ThreadPoolExecutor(1) as beside,
        # In a process of its own: kafka-python leaves sockets lying about when a broker dies.
        ProcessPoolExecutor(1, get_context("spawn")) as elsewhere,
    ):
        world = World(kafka.bootstrap_servers, tmp_path, PARTITIONS).begin()
        instances = [world.instance(name).start() for name in ("one", "two")]
        for instance in instances:
            instance.wait_ready()
        pace = threading.Event()  # never set
        started = monotonic()
        sending = elsewhere.submit(stream, world.servers, world.events_topic, EVENTS, SEED, seconds)
        breaking = beside.submit(kill_the_broker, kafka, BROKER_KILLS, seconds)
        try:
            for _ in range(KILLS):
                pace.wait(chance.uniform(1, 2))
                victim = chance.choice(instances)
                assert victim.runs, f"it ended by itself: {victim.said}"
                victim.kill()
                victim.start()
            breaking.result()
            sending.result()
            stormed = monotonic() - started
            settled = wait_saved(world)
            verdict = judge(world)
        finally:
            world.close()
        tell(
            f"seed {SEED}, {PARTITIONS} partitions: {KILLS} kills of consumers and "
            f"{BROKER_KILLS} of the broker in {stormed:.0f} s; all saved {settled:.1f} s later; "
            f"{verdict}"
        )
        assert verdict.faults == []
        assert verdict.records >= EVENTS


def kill_the_broker(kafka: EmbeddedKafka, times: int, seconds: float) -> None:
    """Kill it so often within this time, and start it again at once."""
    pace = threading.Event()  # never set
    for _ in range(times):
        pace.wait(seconds / (times + 1))
        kafka.kill()
        kafka.start()


MODEL = """
formula = "sales ~ tv * device"
keep = ["log1p(radio)"]
where = "newspaper > `3`"
[fields.sales]
[fields.tv]
range = [0, 290]
[fields.radio] # half of the devices do not tell
path = "[@][?device=='ios'].radio | [0]"
[fields.newspaper]
missing = "indicator"
[fields.device]
type = "category"
levels = ["ios", "web"]
other = "other"
"""


def test_kill_9_changes_no_bit_of_a_model_with_gaps_and_levels(kafka: str, tmp_path: Path) -> None:
    chance = random.Random(SEED)  # noqa: S311 - repeatable
    file = tmp_path / "model.toml"
    file.write_text(MODEL)
    world = World(kafka, tmp_path, environment={"MODEL": str(file)}).begin()
    instances = [world.instance(name).start() for name in ("one", "two")]
    for instance in instances:
        instance.wait_ready()
    with ThreadPoolExecutor(1) as beside:
        sending = beside.submit(stream, kafka, world.events_topic, EVENTS // 2, SEED, 18.0)
        pace = threading.Event()  # never set
        try:
            for _ in range(12):
                pace.wait(chance.uniform(1, 2))
                victim = chance.choice(instances)
                assert victim.runs, f"it ended by itself: {victim.said}"
                victim.kill()
                victim.start()
            sending.result()
            wait_saved(world)
            verdict = judge(world)
        finally:
            world.close()
    tell(verdict)
    assert verdict.faults == []
    assert verdict.records >= EVENTS // 2


LATE_MODEL = late_model(within="60s", absent=0.0)
LATE_EVENTS = 10_000
LATE_KILLS = 20


def test_kill_9_changes_no_bit_of_late_labels_and_repeats(kafka: str, tmp_path: Path) -> None:
    chance = random.Random(SEED)  # noqa: S311 - repeatable
    file = tmp_path / "model.toml"
    file.write_text(LATE_MODEL)
    environment = {"MODEL": str(file), "MAX_REREAD_EVENTS": "5000"}
    world = World(kafka, tmp_path, partitions=2, environment=environment).begin()
    instances = [world.instance(name).start() for name in ("one", "two")]
    for instance in instances:
        instance.wait_ready()
    with ThreadPoolExecutor(1) as beside:
        sending = beside.submit(stream_late, kafka, world.events_topic, 1.5 * LATE_KILLS)
        pace = threading.Event()  # never set
        try:
            for _ in range(LATE_KILLS):
                pace.wait(chance.uniform(1, 2))
                victim = chance.choice(instances)
                assert victim.runs, f"it ended by itself: {victim.said}"
                victim.kill()
                victim.start()
            sent = sending.result()
            wait_saved(world)
            verdict = judge(world)
        finally:
            world.close()
    tell(verdict)
    assert verdict.faults == []
    assert verdict.records == sent


def stream_late(servers: str, topic: str, seconds: float) -> int:
    """Send events, their labels, repeats and faults to two partitions; how many records."""
    logs = [messy_log(SEED + number, LATE_EVENTS, 60) for number in (0, 1)]
    # Of the last hours: Kafka takes no timestamps of the future.
    begin = int(time() * 1000) - max(record.timestamp for log in logs for record in log)
    pace = threading.Event()  # never set
    started = monotonic()
    futures = []
    with closing(plain_producer(servers)) as producer:
        for number, pair in enumerate(zip_longest(*logs)):
            if number % 500 == 0:
                share = number / max(map(len, logs))
                pace.wait(max(0.0, started + seconds * share - monotonic()))
            futures += [
                producer.send(
                    topic,
                    value=record.value,
                    key=b"device",
                    partition=partition,
                    timestamp_ms=begin + record.timestamp,
                )
                for partition, record in enumerate(pair)
                if record is not None
            ]
        for future in futures:
            future.get(timeout=120)
    return len(futures)
