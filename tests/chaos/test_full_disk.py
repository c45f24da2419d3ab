"""Kafka's disk is full, and later it is not: nothing that was acknowledged is lost."""

import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, suppress
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from kafka.errors import KafkaError

from broker import EmbeddedKafka
from chaos.reference import judge
from chaos.saved import wait_saved
from chaos.world import World, events, plain_producer, tell
from leaks import unclosed_sockets
from support.waiting import wait_until

pytestmark = pytest.mark.slow(seconds=50)
DISK_BYTES = 256 * 2**20
SMALL_SEGMENTS = {"log.index.size.max.bytes": "65536", "offsets.topic.num.partitions": "1"}


@pytest.fixture(autouse=True)
def _unclosed_sockets() -> Iterator[None]:
    with unclosed_sockets():
        yield


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a file system of its own can be mounted by root alone")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def send(servers: str, topic: str, count: int, seed: int) -> int:
    """Send so many events; how many were acknowledged."""
    acknowledged = 0
    producer: Any = plain_producer(servers, request_timeout_ms=5000, delivery_timeout_ms=20_000)
    with closing(producer):
        futures = [
            producer.send(topic, value=value, key=b"k", partition=number % 4)
            for number, value in enumerate(islice(events(10**9, seed), count))
        ]
        for future in futures:
            with suppress(KafkaError):  # it may be there all the same
                future.get(timeout=60)
                acknowledged += 1
    return acknowledged


def fill(disk: Path) -> Path:
    """Leave no byte free."""
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        try:
            while True:
                file.write(b"\0" * 65536)
                file.flush()
        except OSError:
            pass
    return ballast


def test_a_full_disk_loses_nothing(disk: Path, tmp_path: Path) -> None:
    with (
        EmbeddedKafka(data=disk / "kafka", properties=SMALL_SEGMENTS) as kafka,
        # In a process of its own: kafka-python leaves sockets lying about when a broker dies.
        ProcessPoolExecutor(1, get_context("spawn")) as elsewhere,
    ):
        world = World(kafka.bootstrap_servers, tmp_path).begin()

        def sent(count: int, seed: int) -> int:
            there = world.servers, world.events_topic
            return elsewhere.submit(send, *there, count, seed).result()

        try:
            instance = world.instance().start().wait_ready()
            acknowledged = sent(2000, 1)
            wait_saved(world)
            ballast = fill(disk)
            full = send_until_refused(sent, kafka)
            told = instance.service.page("/readyz")
            assert instance.runs
            assert not instance.service.ready, told
            ballast.unlink()
            if not kafka.is_running:
                kafka.start()
            instance.wait_ready()
            acknowledged += full + sent(2000, 3)
            settled = wait_saved(world)
            verdict = judge(world)
            assert instance.lives == 1
        finally:
            world.close()
    tell(f"while full: {told!r}; {full} of those sent were taken; saved {settled:.1f} s; {verdict}")
    assert verdict.faults == []
    assert verdict.records >= acknowledged


def send_until_refused(sent: Callable[[int, int], int], kafka: EmbeddedKafka) -> int:
    """Send while Kafka takes it; how many it took before it ended, as it does on a full disk."""
    taken = 0

    def is_full() -> bool:
        nonlocal taken
        if not kafka.is_running:
            return True
        taken += sent(500, 2)
        return not kafka.is_running

    wait_until(is_full, 180)
    return taken
