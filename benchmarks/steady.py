"""A steady stream: what a service costs in it, and then how it answers while it goes on."""

from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import NamedTemporaryFile
from time import perf_counter, sleep

import numpy as np
import orjson
from confluent_kafka import Consumer, Message, TopicPartition

from asking import QUESTION, KafkaAsker
from consumer.state.snapshot import Part
from contract import topics
from events import PATIENCE_SECONDS, QUIET, create, fresh, storm
from learning import PROCESSOR
from programs import HERE
from support.service import LEARNED, Service, running_service, start_service
from support.waiting import wait_until

RATE = 2000  # events a second
LIMIT_SECONDS = 300.0
SETTLED_SECONDS = 5.0
"""The stream runs so long before it is watched: what a start does more is over."""

TRAIN = orjson.dumps({"method": "train"})
QUESTION_SECONDS = 0.01
QUESTIONS_TO_A_TRAIN = 50

Names = dict[str, str]


@dataclass(frozen=True, slots=True)
class Steady:
    """A window of the steady stream.

    Attributes:
        processor: Of one core, the service's share.
        predicted: Seconds of each round trip.
        trained: Likewise, of `train`.
        bytes_a_second: Of all parts on the changelog.
        gap: Seconds between two snapshots of a partition's regression: the median.
        longest_gap: The longest.
        following: Of one core, the share of a process that follows.
    """

    processor: float
    predicted: list[float]
    trained: list[float]
    bytes_a_second: float
    gap: float
    longest_gap: float
    following: float


def topic(servers: str, partitions: int) -> str:
    """A new topic of events."""
    name = fresh(f"events-{partitions}")
    create(servers, replace(topics.events(name), partition_count=partitions))
    return name


def stream(servers: str, partitions: int, seconds: float) -> Steady:
    """A service under the steady stream, asked meanwhile; then one that follows it, beside it."""
    names = environment(servers, partitions)
    with (
        running_service(**names) as service,
        storm(servers, names["EVENTS_TOPIC"], RATE, partitions),
    ):
        wait_until(lambda: service.ready, LIMIT_SECONDS)
        wait_until(lambda: service.metric(LEARNED) > SETTLED_SECONDS * RATE, LIMIT_SECONDS)
        changelog = f"{names['APPLICATION_ID']}-changelog"
        before, began, used = ends(servers, changelog, partitions), perf_counter(), cpu(service)
        sleep(seconds)
        used, took = cpu(service) - used, perf_counter() - began
        after = ends(servers, changelog, partitions)
        predicted, trained = ask(servers, names, seconds)
        size, gaps = read(servers, changelog, before, after)
        return Steady(
            processor=used / took,
            predicted=predicted,
            trained=trained,
            bytes_a_second=size / took,
            gap=median(gaps),
            longest_gap=max(gaps),
            following=follow(names, seconds),
        )


def environment(servers: str, partitions: int) -> Names:
    """A service's own topics and names; its events topic is made."""
    return {
        "KAFKA_BOOTSTRAP_SERVERS": servers,
        "EVENTS_TOPIC": topic(servers, partitions),
        "REQUESTS_TOPIC": fresh("prediction-requests"),
        "REPLIES_TOPIC": fresh("prediction-replies"),
        "APPLICATION_ID": fresh("bench"),
        "INSTANCE_ID": "bench",
    }


def cpu(service: Service) -> float:
    """Processor seconds used so far."""
    return service.metric(PROCESSOR)


def ask(servers: str, names: Names, seconds: float) -> tuple[list[float], list[float]]:
    """Ask for so long, a question each QUESTION_SECONDS; seconds of predictions and of `train`."""
    topics_ = (names["REQUESTS_TOPIC"], names["REPLIES_TOPIC"])
    predicted, trained = [], []
    with (
        KafkaAsker(servers, *topics_, QUESTION) as predictions,
        KafkaAsker(servers, *topics_, TRAIN) as trains,
    ):
        predictions.ask(QUESTIONS_TO_A_TRAIN)  # the first ones find caches cold
        trains.ask(1)
        began = perf_counter()
        for number in range(int(seconds / QUESTION_SECONDS)):
            sleep(max(0.0, began + number * QUESTION_SECONDS - perf_counter()))
            if number % QUESTIONS_TO_A_TRAIN:
                predicted += predictions.ask(1)
            else:
                trained += trains.ask(1)
    return predicted, trained


def follow(names: Names, seconds: float) -> float:
    """Of one core, what a process uses that follows the changelog for so long."""
    with NamedTemporaryFile(suffix=".log") as log:
        follower = start_service(
            names | {"INSTANCE_ID": "follower"}, Path(log.name), (str(HERE / "following.py"),)
        )
        try:
            wait_until(lambda: follower.status("/livez") != 0, LIMIT_SECONDS)
            wait_until(lambda: follower.metric("riverline_model_events") > 0, LIMIT_SECONDS)
            began, used = perf_counter(), cpu(follower)
            sleep(seconds)
            return (cpu(follower) - used) / (perf_counter() - began)
        finally:
            follower.process.kill()
            follower.process.wait()


def ends(servers: str, name: str, partitions: int) -> dict[int, int]:
    """The end of each partition of a topic."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": fresh("reader"), **QUIET})
    try:
        return {
            number: consumer.get_watermark_offsets(
                TopicPartition(name, number), timeout=PATIENCE_SECONDS
            )[1]
            for number in range(partitions)
        }
    finally:
        consumer.close()


def read(
    servers: str, name: str, begins: dict[int, int], until: dict[int, int]
) -> tuple[int, list[float]]:
    """Bytes of the records between, and seconds between two regressions of a partition."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": fresh("reader"), **QUIET})
    size, times = 0, defaultdict[int, list[int]](list)
    left = {number for number, end in until.items() if begins[number] < end}
    consumer.assign([TopicPartition(name, number, begins[number]) for number in left])
    try:
        while left:
            for record in consumer.consume(1000, timeout=1.0):
                number, offset = place(record)
                if offset < until[number]:
                    key, value = record.key() or b"", record.value() or b""
                    size += len(key) + len(value)
                    if key == Part.REGRESSION.key(number):
                        times[number].append(record.timestamp()[1])
                if offset >= until[number] - 1:
                    left.discard(number)
    finally:
        consumer.close()
    gaps = [gap for found in times.values() for gap in np.diff(found) / 1000]
    return size, gaps


def place(record: Message) -> tuple[int, int]:
    """Partition and offset of a record that was consumed."""
    number, offset = record.partition(), record.offset()
    if number is None or offset is None:
        raise ValueError(f"{record.error()}")
    return number, offset


def told(found: Steady) -> str:
    """One window in a line."""
    return (
        f"at {RATE} events/s {found.processor:.1%} of a core; "
        f"predictions p50 {milliseconds(found.predicted, 50):.2f} ms, "
        f"p99 {milliseconds(found.predicted, 99):.2f}; "
        f"train {milliseconds(found.trained, 50):.1f} ms (p90 "
        f"{milliseconds(found.trained, 90):.1f}); changelog "
        f"{found.bytes_a_second / 1e6:.3f} MB/s; snapshots each {found.gap:.2f} s, at most "
        f"{found.longest_gap:.2f}; a follower {found.following:.1%} of a core"
    )


def milliseconds(times: list[float], percent: float) -> float:
    """A percentile, in milliseconds."""
    return float(np.percentile(times, percent)) * 1000
