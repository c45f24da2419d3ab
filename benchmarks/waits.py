"""Part (j): what waiting for positions (`at_least`) adds to an answer, on the owner, as it learns.

One producer sends events at a steady rate, and one asker a thousand questions a second, in turns:
a plain one, and one for the position that the last acknowledged event has brought. Said are the
medians of both, and their difference: the wait.
"""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import quantiles
from time import monotonic, sleep
from typing import Any

import orjson
from confluent_kafka import Consumer, Producer, TopicPartition

from contract.messages import AT_LEAST, CORRELATION_ID, REPLY_TO
from contract.topics import PARTITION_COUNT
from producer.simulate import simulate
from sizes import Sizes
from support.service import LEARNED, own_names, running_service
from support.waiting import wait_until

EVENTS_A_SECOND, QUESTIONS_A_SECOND = 1000, 1000
SECONDS, QUICK_SECONDS = 20, 3
PROMISED_MS = 25.0
WARM_UP = 1000

Say = Callable[[str], None]


@dataclass(slots=True)
class Run:
    """What was asked when, and how long each answer took, in milliseconds.

    Attributes:
        bound: The partition and position that the last acknowledged event has brought.
        asked: When each question was sent, by its number; even ones wait for positions.
        took: Of plain questions, and of those that wait.
    """

    bound: tuple[int, int] | None = None
    asked: dict[int, float] = field(default_factory=dict)
    took: dict[bool, list[float]] = field(default_factory=lambda: {False: [], True: []})
    refused: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def acknowledged(self, error: object, record: Any) -> None:  # noqa: ANN401
        """Called by the producer."""
        if error is None:
            self.bound = record.partition(), record.offset() + 1

    def read(self, consumer: Consumer) -> None:
        """Take the replies until it is over."""
        while not self.over.is_set():
            record: Any = consumer.poll(0.1)
            if record is None or record.error() is not None:
                continue
            number = int(dict(record.headers())[CORRELATION_ID])
            self.took[number % 2 == 0].append(1000 * (monotonic() - self.asked.pop(number)))
            self.refused += b'"error"' in record.value()


def measure(servers: str, sizes: Sizes, say: Say) -> bool:
    """One run a round; whether the wait's median is as promised in each."""
    held = True
    for number in range(sizes.rounds):
        took, refused = once(servers, SECONDS if sizes.rounds > 1 else QUICK_SECONDS)
        plain, waits = (quantiles(took[it], n=100) for it in (False, True))
        added = waits[49] - plain[49]
        held &= added < PROMISED_MS and not refused
        say(
            f"round {number + 1}, load {os.getloadavg()[0]:.0f}: plain p50 {plain[49]:.1f} ms, p99 "
            f"{plain[98]:.1f}; after the last event p50 {waits[49]:.1f} ms, p99 {waits[98]:.1f}; "
            f"the wait adds {added:.1f} ms; {len(took[True])} waited, {refused} refused"
        )
    return held


def once(servers: str, seconds: float) -> tuple[dict[bool, list[float]], int]:
    """Milliseconds of plain questions and of those that wait, and how many were refused."""
    names, run = own_names(servers), Run()
    with running_service(**names) as service:
        wait_until(lambda: service.ready)
        producer = Producer({"bootstrap.servers": servers, "linger.ms": 0})
        for event in simulate(WARM_UP, seed=1):
            producer.produce(names["EVENTS_TOPIC"], orjson.dumps(event))
        producer.flush(60)
        wait_until(lambda: service.metric(LEARNED) == WARM_UP)
        consumer = Consumer({"bootstrap.servers": servers, "group.id": "none"})
        consumer.assign(
            [TopicPartition(names["REPLIES_TOPIC"], it, 0) for it in range(PARTITION_COUNT)]
        )
        reading = threading.Thread(target=run.read, args=(consumer,))
        reading.start()
        try:
            _ask(producer, names, run, seconds)
            wait_until(lambda: not run.asked)
        finally:
            run.over.set()
            reading.join()
            consumer.close()
    return run.took, run.refused


def _ask(producer: Producer, names: dict[str, str], run: Run, seconds: float) -> None:
    """Events and questions at their rates."""
    events = simulate(int(seconds * EVENTS_A_SECOND), seed=2)
    started = monotonic()
    for number, event in enumerate(events):
        producer.produce(names["EVENTS_TOPIC"], orjson.dumps(event), on_delivery=run.acknowledged)
        question: dict[str, Any] = {"tv": 50}
        if number % 2 == 0 and run.bound is not None:
            partition, position = run.bound
            question[AT_LEAST] = {str(partition): position}
        headers: list[tuple[str, str | bytes | None]] = [
            (CORRELATION_ID, str(number).encode()),
            (REPLY_TO, names["REPLIES_TOPIC"].encode()),
        ]
        run.asked[number] = monotonic()
        producer.produce(names["REQUESTS_TOPIC"], orjson.dumps(question), headers=headers)
        producer.poll(0)
        sleep(max(0.0, started + (number + 1) / QUESTIONS_A_SECOND - monotonic()))
    producer.flush(30)
