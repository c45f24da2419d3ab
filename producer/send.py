"""Events out: each delivery counted, each failure reported, progress shown."""

import sys
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from time import monotonic, sleep, time
from typing import Any

import orjson
from kafka import KafkaProducer
from kafka.errors import KafkaError
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from contract.environment import Environment
from producer.present import require_topics

CONNECT_SECONDS = 10.0
MAX_AHEAD_MS = 60_000


@dataclass(slots=True)
class Delivery:
    """What became of the events sent; counted by the producer's own thread.

    Attributes:
        acknowledged: Events that Kafka has.
        failed: Events that it has not.
        reasons: Kinds of failure, with an example each.
    """

    acknowledged: int = 0
    failed: int = 0
    reasons: dict[str, str] = field(default_factory=dict)

    def arrived(self, _metadata: object) -> None:
        """Kafka has one."""
        self.acknowledged += 1

    def missed(self, error: BaseException) -> None:
        """Kafka has not one."""
        self.failed += 1
        self.reasons.setdefault(type(error).__name__, str(error))


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} events/s" if speed else "", style="progress.data.speed")


def send_events(
    settings: Environment, events: Iterable[dict[str, Any]], total: int, rate: float | None = None
) -> Delivery:
    """Send each event to the events topic and wait until Kafka has them all.

    Retries do not repeat an event (the producer is idempotent).

    Args:
        settings: Where Kafka is, and the topic.
        events: JSON objects.
        total: How many there are, for the progress bar.
        rate: Events a second at most; None for as fast as Kafka takes them.

    Raises:
        TopicMissingError: The events topic is not there.
        KafkaError: Kafka is not there.
    """
    require_topics(settings, [settings.events_topic], CONNECT_SECONDS)
    producer = KafkaProducer(
        **settings.client_options(),
        client_id="riverline-producer",
        acks="all",
        enable_idempotence=True,
        linger_ms=20,
        batch_size=128 * 1024,
        max_block_ms=15_000,
        delivery_timeout_ms=120_000,
        bootstrap_timeout_ms=int(CONNECT_SECONDS * 1000),
        metrics_enabled=False,
    )
    delivery = Delivery()
    try:
        producer.partitions_for(settings.events_topic)
        with _progress() as progress:
            task = progress.add_task("sending", total=total)
            with _Watcher(progress, task, delivery):
                for event, timestamp_ms in _stamped(_paced(events, rate)):
                    _send(producer, settings.events_topic, event, timestamp_ms, delivery)
                producer.flush()
    finally:
        producer.close(timeout=5)
    return delivery


def _send(
    producer: Any,  # noqa: ANN401 - kafka-python has no types
    topic: str,
    event: dict[str, Any],
    timestamp_ms: int,
    delivery: Delivery,
) -> None:
    try:
        future = producer.send(topic, orjson.dumps(event), timestamp_ms=timestamp_ms)
    except KafkaError as error:
        delivery.missed(error)
        return
    future.add_callback(delivery.arrived)
    future.add_errback(delivery.missed)


def _paced(events: Iterable[dict[str, Any]], rate: float | None) -> Iterator[dict[str, Any]]:
    """The same events, none before its time."""
    if rate is None:
        yield from events
        return
    started = monotonic()
    for number, event in enumerate(events):
        ahead = started + number / rate - monotonic()
        if ahead > 0:
            sleep(ahead)
        yield event


def _stamped(events: Iterable[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], int]]:
    """Each event with its time, a millisecond after the one before it at least.

    So the order in which they were sent can be told across partitions, as time series diagnostics
    want it. A long burst does not run into the future by more than a minute.
    """
    last = 0
    for event in events:
        now = int(time() * 1000)
        last = min(max(now, last + 1), now + MAX_AHEAD_MS)
        yield event, last


class _Watcher:
    """Moves the bar to the acknowledged events, ten times a second."""

    def __init__(self, progress: Progress, task: Any, delivery: Delivery) -> None:  # noqa: ANN401
        self._progress, self._task, self._delivery = progress, task, delivery
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self._show()

    def _run(self) -> None:
        while not self._done.wait(0.1):
            self._show()

    def _show(self) -> None:
        self._progress.update(self._task, completed=self._delivery.acknowledged)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeElapsedColumn(),
        console=Console(file=sys.stderr),
    )
