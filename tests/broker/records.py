"""Records of a test's own, and the producer's commands."""

import subprocess
import sys
import time
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from contract.environment import Environment

EVENT = b'{"tv": 230.1, "radio": 37.8, "newspaper": 69.2, "sales": 22.1}'


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """One of the producer's commands."""
    command = [sys.executable, "-m", "producer", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def simulate(count: int, seed: int = 1) -> None:
    assert run("simulate", "--count", str(count), "--seed", str(seed)).returncode == 0


def produce(settings: Environment, topic: str, *records: dict[str, Any]) -> None:
    producer = KafkaProducer(bootstrap_servers=list(settings.kafka_bootstrap_servers))
    futures = [producer.send(topic, **record) for record in records]
    for future in futures:
        future.get(timeout=30)
    producer.close()


def read_all(settings: Environment, topic: str, count: int) -> list[Any]:
    """The first ``count`` records of a topic."""
    consumer = KafkaConsumer(
        bootstrap_servers=list(settings.kafka_bootstrap_servers), auto_offset_reset="earliest"
    )
    consumer.assign([TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic)])
    found: list[Any] = []
    deadline = time.monotonic() + 30
    while len(found) < count and time.monotonic() < deadline:
        for records in consumer.poll(timeout_ms=200).values():
            found += records
    consumer.close()
    return found


def ask_raw(settings: Environment, value: bytes | None, **headers: bytes) -> None:
    """Send a request with just these headers."""
    request = {"value": value, "key": b"mine", "headers": list(headers.items())}
    produce(settings, settings.requests_topic, request)
