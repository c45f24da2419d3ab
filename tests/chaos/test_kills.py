"""Two consumers killed -9 every second or two, and their broker too, while events stream.

A safeguard that is taken out shows after a single kill (`test_mutations.py`), and each place where
a process can die has a test of its own (`test_crash_points.py`): these are for what comes together
by chance.
"""

import random
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from time import monotonic

import pytest

from broker import EmbeddedKafka
from chaos.reference import judge
from chaos.saved import wait_saved
from chaos.world import World, stream, tell

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
