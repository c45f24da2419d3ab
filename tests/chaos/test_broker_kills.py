"""Brokers of three killed, restarted, stopped and frozen, while events stream and many ask."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from broker import EmbeddedCluster
from chaos.questions import PATIENCE_SECONDS, Question, Questions
from chaos.reference import judge, wait_saved
from chaos.world import Instance, World, stream, tell
from gateway.running import install, running_gateway
from leaks import unclosed_sockets
from service import wait_until

pytestmark = pytest.mark.slow

RATE = 3000
CHUNK_SECONDS = 10
LEAST_EVENTS = 300_000
KILLS = 9
DOWN_SECONDS = 30.0
FROZEN_SECONDS = 20.0
GRACE_SECONDS = 2.0
"""From so long after there are leaders again no question may fail."""

NOTICED_SECONDS = 5.0
"""Readiness says what is wrong, and that all is right again, within this."""


@dataclass(slots=True)
class Sample:
    """What was to be seen in a second.

    Attributes:
        at: The monotonic time.
        whole: Whether all partitions have leaders and replicas enough to be written to.
        ready: Whether the service said that it is.
        said: What it said.
        lag: What it said of its lag, all partitions; not a number where it is not known.
    """

    at: float
    whole: bool
    ready: bool
    said: str
    lag: float


@dataclass(slots=True)
class Observer:
    """Looks at the cluster and at the service, each second and more often.

    Attributes:
        leaders: When the cluster was whole or not, by change.
        samples: One each second.
    """

    world: World
    instance: Instance
    topics: list[str]
    leaders: list[tuple[float, bool]] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        admin: Any = None
        sampled = 0.0
        while not self._stop.wait(0.1):
            try:
                admin = admin or KafkaAdminClient(
                    bootstrap_servers=self.world.servers,
                    request_timeout_ms=2000,
                    bootstrap_timeout_ms=1000,
                )
                whole = _is_whole(admin.describe_topics(self.topics))
            except KafkaError:
                whole = False
                if admin is not None:
                    admin.close()
                admin = None
            if not self.leaders or self.leaders[-1][1] != whole:
                self.leaders.append((monotonic(), whole))
            if monotonic() - sampled >= 1:
                sampled = monotonic()
                self.samples.append(self._sample(whole=whole))
        if admin is not None:
            admin.close()

    def _sample(self, *, whole: bool) -> Sample:
        service = self.instance.service
        said = service.page("/readyz").strip()
        return Sample(
            monotonic(),
            whole,
            said == "ok",
            said.replace("\n", " | "),
            service.metric("riverline_events_behind"),
        )

    def stop(self) -> None:
        self._stop.set()

    def broken(self) -> list[tuple[float, float]]:
        """The times when the cluster was not whole, each until the grace is over."""
        found = []
        for index, (at, whole) in enumerate(self.leaders):
            if not whole:
                ends = self.leaders[index + 1][0] if index + 1 < len(self.leaders) else monotonic()
                found.append((at, ends + GRACE_SECONDS))
        return found


def _is_whole(found: list[dict[str, Any]]) -> bool:
    return all(
        topic["error_code"] == 0
        and all(p["leader_id"] != -1 and len(p["isr_nodes"]) >= 2 for p in topic["partitions"])
        for topic in found
    )


@contextmanager
def observed(world: World, instance: Instance, topics: list[str]) -> Iterator[Observer]:
    observer = Observer(world, instance, topics)
    thread = threading.Thread(target=observer.watch)
    thread.start()
    try:
        yield observer
    finally:
        observer.stop()
        thread.join()


def harm(cluster: EmbeddedCluster, world: World, phases: list[tuple[str, float, float]]) -> None:
    """All that happens to the brokers, one after another; each phase with its times is noted."""
    pace = threading.Event()  # never set

    def phase(name: str, began: float) -> None:
        phases.append((name, began, monotonic()))

    for kill in range(KILLS):
        began, victim = monotonic(), cluster.numbers[kill % len(cluster.numbers)]
        cluster.kill(victim)
        wait_until(lambda: _has_leaders(world), 30)
        pace.wait(2)
        cluster.start(victim)
        cluster.wait_until_in_sync()
        phase(f"kill -9 of broker {victim}", began)
    began = monotonic()
    for number in cluster.numbers:
        cluster.stop(number)
        cluster.start(number)
        cluster.wait_until_in_sync()
    phase("rolling restart", began)
    began = monotonic()
    cluster.pause(2)
    pace.wait(FROZEN_SECONDS)
    cluster.resume(2)
    cluster.wait_until_in_sync()
    phase("broker 2 frozen", began)
    began = monotonic()
    cluster.kill(1)
    cluster.kill(3)
    pace.wait(DOWN_SECONDS)
    cluster.start()
    cluster.wait_until_in_sync()
    phase("two of three down", began)
    pace.wait(PATIENCE_SECONDS)


def _has_leaders(world: World) -> bool:
    settings = world.settings
    names = [*(topic.name for topic in settings.topics), settings.changelog_topic]
    try:
        with world.admin() as admin:
            found = admin.describe_topics(names)
    except KafkaError:
        return False
    return all(p["leader_id"] != -1 for topic in found for p in topic["partitions"])


def judge_questions(
    asked: list[Question], broken: list[tuple[float, float]], down: tuple[float, float]
) -> dict[str, Any]:
    """What became of the questions: those that could not be answered at all are told apart."""
    failed = [question for question in asked if question.answered is None]

    def meets(question: Question, began: float, ended: float) -> bool:
        return question.asked <= ended and question.asked + PATIENCE_SECONDS >= began

    counted = [question for question in asked if not meets(question, *down)]
    lost = [question for question in counted if question.answered is None]
    late = [
        question
        for question in failed
        if not any(meets(question, *times) and question.asked < times[1] for times in broken)
    ]
    return {
        "asked": Counter(question.kind for question in asked),
        "counted": len(counted),
        "lost": Counter(question.kind for question in lost),
        "while whole": [f"{q.kind}: {q.fault}" for q in late],
        "undocumented": [q.fault for q in failed if q.fault.startswith("undocumented")],
        "faults": Counter(question.fault[:120] for question in lost).most_common(5),
    }


def test_nothing_is_lost_and_who_asks_is_answered(cluster: EmbeddedCluster, tmp_path: Path) -> None:
    install()
    world = World(cluster.bootstrap_servers, tmp_path)
    phases: list[tuple[str, float, float]] = []
    with (
        unclosed_sockets(),
        # In a process of its own: kafka-python leaves sockets lying about when a broker dies.
        ProcessPoolExecutor(1, get_context("spawn")) as elsewhere,
    ):
        instance = world.instance().start().wait_ready()
        try:

            def send(number: int) -> None:
                elsewhere.submit(_stream, world.servers, world.events_topic, number).result()

            send(0)
            stretches = 1
            topics = [world.names[f"{role}_TOPIC"] for role in ("EVENTS", "REQUESTS", "REPLIES")]
            topics.append(world.settings.changelog_topic)
            with (
                running_gateway(world.names) as gateway,
                observed(world, instance, topics) as observer,
                Questions(world, gateway, 50 / 3) as questions,
            ):
                harming = threading.Thread(target=harm, args=(cluster, world, phases))
                harming.start()
                while harming.is_alive() or stretches * RATE * CHUNK_SECONDS < LEAST_EVENTS:
                    send(stretches)
                    stretches += 1
                harming.join()
            settled = wait_saved(world)
            verdict = judge(world)
        finally:
            world.close()
    down = next(((began, ended) for name, began, ended in phases if "two of" in name), (0.0, 0.0))
    found = judge_questions(questions.all, observer.broken(), down)
    started = phases[0][1]
    for name, began, ended in phases:
        tell(f"{began - started:6.1f} to {ended - started:6.1f} s: {name}")
    for began, ended in observer.broken():
        tell(f"{began - started:6.1f} to {ended - started:6.1f} s: not whole, or only just again")
    for sample in observer.samples:
        at = f"{sample.at - started:6.1f}"
        tell(f"{at} whole={sample.whole} lag={sample.lag} {sample.said[:150]}")
    tell(f"saved {settled:.1f} s after the last event; {verdict}")
    tell(found)
    assert len(phases) == KILLS + 3
    assert verdict.faults == []
    assert verdict.records >= LEAST_EVENTS
    assert found["undocumented"] == []
    assert found["while whole"] == []
    assert sum(found["lost"].values()) <= found["counted"] / 200
    assert list(_untrue(observer)) == []


def _untrue(observer: Observer) -> Iterator[str]:
    """Samples that say ready while the cluster is long broken, or the other way round."""
    for sample in observer.samples:
        since = [at for at, _ in observer.leaders if at <= sample.at]
        if not since or sample.at - since[-1] < NOTICED_SECONDS:
            continue
        if not sample.whole and sample.ready:
            yield f"ready at {sample.at} while the cluster is not whole"
        if sample.whole and sample.at - since[-1] > 3 * NOTICED_SECONDS and not sample.ready:
            yield f"not ready at {sample.at}: {sample.said}"


def _stream(servers: str, topic: str, number: int) -> None:
    stream(servers, topic, RATE * CHUNK_SECONDS, 20261124 + number, CHUNK_SECONDS)
