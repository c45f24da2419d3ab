"""Brokers killed, stopped and paused in turn, while events stream and three clients ask."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from multiprocessing import get_context
from pathlib import Path
from time import monotonic, sleep, time
from typing import NamedTuple

import pytest
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from broker import EmbeddedCluster
from chaos.questions import SECONDS, Outcome, questions
from chaos.reference import judge
from chaos.saved import wait_saved
from chaos.world import CHUNK, Instance, World, stream, tell
from consumer.client.protocols import NO_LEADER
from leaks import unclosed_sockets
from periodic import every
from support.gateway import install, running_gateway
from support.waiting import wait_until

pytestmark = pytest.mark.slow(seconds=180)
EVENTS, EVENTS_SECONDS = 150_000, 100.0
TWO_DOWN_SECONDS = 30.0
DETECTION_SECONDS = 2.0
READY_SECONDS = 15.0
SEED = 20261126


@pytest.fixture(autouse=True)
def _unclosed_sockets() -> Iterator[None]:
    with unclosed_sockets():
        yield


class Harm(NamedTuple):
    """What was done to brokers.

    Attributes:
        what: In words.
        begin: When it was done, seconds of the clock.
        end: When each partition had a leader that lives.
        writable: Whether enough replicas lived meanwhile for anything to be written.
    """

    what: str
    begin: float
    end: float
    writable: bool = True

    def holds(self, outcome: Outcome) -> bool:
        """Whether any of a question's time was within it, or just after."""
        over = self.end + DETECTION_SECONDS
        return outcome.at <= over and outcome.at + outcome.seconds >= self.begin


class Sample(NamedTuple):
    """What the service said of itself at a time."""

    at: float
    ready: bool
    reasons: str
    lag: float


class Breaker:
    """Does harm to brokers, and knows from when to when it lasted."""

    def __init__(self, cluster: EmbeddedCluster, world: World) -> None:
        self._cluster, self._world = cluster, world
        settings = world.settings
        self._topics = [*(topic.name for topic in settings.topics), settings.changelog_topic]
        self.done: list[Harm] = []

    def kill(self, number: int) -> None:
        with self._harm(f"kill {number}", number):
            self._cluster.kill(number)
        self._cluster.start(number)
        self._cluster.wait_until_in_sync()

    def stop(self, number: int) -> None:
        with self._harm(f"stop {number}", number):
            self._cluster.stop(number)
        self._cluster.start(number)
        self._cluster.wait_until_in_sync()

    def pause(self, number: int) -> None:
        with self._harm(f"pause {number}", number):
            self._cluster.pause(number)
        with self._harm(f"resume {number}"):
            self._cluster.resume(number)
            self._cluster.wait_until_in_sync()

    def kill_two(self, *numbers: int) -> None:
        with self._harm("two down", writable=False):
            for number in numbers:
                self._cluster.kill(number)
            sleep(TWO_DOWN_SECONDS)  # the length of the outage
            self._cluster.start()
            self._cluster.wait_until_in_sync()

    @contextmanager
    def _harm(
        self, what: str, victim: int | None = None, *, writable: bool = True
    ) -> Iterator[None]:
        begin = time()
        yield
        if victim is not None:
            wait_until(lambda: not self._leads(victim))
        self.done.append(Harm(what, begin, time(), writable))

    def _leads(self, number: int) -> bool:
        """Whether a partition is led by this broker, or by none, as far as another one knows."""
        others = [n for n in self._cluster.numbers if n != number]
        servers = self._cluster.bootstrap_servers.split(",")
        try:
            with closing(KafkaAdminClient(bootstrap_servers=servers[others[0] - 1])) as admin:
                found = admin.describe_topics(self._topics)
        except KafkaError:
            return True  # it was asked itself
        leaders = {p["leader_id"] for topic in found for p in topic["partitions"]}
        return bool(leaders & {number, NO_LEADER})


class Observer:
    """Knows what the service said of itself, each time when it was looked at."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self.samples: list[Sample] = []

    def look(self) -> None:
        """Whether it is ready, and how far behind."""
        at, service = time(), self._instance.service
        reasons = service.page("/readyz")
        lags = [
            float(line.rpartition(" ")[2])
            for line in service.page("/metrics").splitlines()
            if line.startswith("riverline_consumer_lag{")
        ]
        self.samples.append(Sample(at, reasons.strip() == "ok", reasons, sum(lags)))


def test_brokers_die_in_turn_and_no_bit_is_lost_and_no_question_unanswered(
    cluster: EmbeddedCluster, tmp_path: Path
) -> None:
    install()
    world = World(cluster.bootstrap_servers, tmp_path)
    instance = world.instance().start().wait_ready()
    breaker = Breaker(cluster, world)
    observer = Observer(instance)
    try:
        with (
            running_gateway(world.names) as gateway,
            # In a process of its own: kafka-python leaves sockets lying about.
            ProcessPoolExecutor(1, get_context("spawn")) as elsewhere,
            ExitStack() as asking,
        ):
            sending = elsewhere.submit(
                stream, world.servers, world.events_topic, EVENTS, SEED, EVENTS_SECONDS
            )
            wait_until(lambda: instance.service.metric("riverline_model_events") > CHUNK)
            outcomes = asking.enter_context(questions(tmp_path, world.names, gateway.port))
            asking.enter_context(every(1.0, observer.look))
            for number in cluster.numbers:
                breaker.kill(number)
            for number in cluster.numbers:
                breaker.stop(number)
            breaker.pause(2)
            instance.wait_ready()
            breaker.kill_two(1, 3)
            back = monotonic()
            instance.wait_ready()
            ready_after = monotonic() - back
            sending.result()
            settled = wait_saved(world)
        verdict = judge(world)
    finally:
        world.close()
    writable = [harm for harm in breaker.done if harm.writable]
    (unwritable,) = [harm for harm in breaker.done if not harm.writable]
    # No question waits that long for a partition that has no leader.
    hopeless = [unwritable, *(harm for harm in writable if harm.end - harm.begin >= SECONDS)]
    asked = [one for one in outcomes if not any(harm.holds(one) for harm in hopeless)]
    failed = [outcome for outcome in asked if outcome.why is not None]
    astray = [one for one in failed if not any(harm.holds(one) for harm in writable)]
    show(breaker.done, observer.samples, asked, failed)
    tell(f"ready {ready_after:.1f} s after the two were back, saved {settled:.1f} s; {verdict}")
    assert verdict.faults == []
    assert verdict.records >= EVENTS
    assert astray == []
    for client, count in Counter(outcome.client for outcome in asked).items():
        lost = sum(outcome.client == client for outcome in failed)
        assert lost * 200 <= count, f"{client}: {lost} of {count}"
    assert instance.lives == 1
    false_alarms = [
        sample
        for sample in observer.samples
        if not sample.ready
        and not any(h.begin <= sample.at <= h.end + READY_SECONDS for h in breaker.done)
    ]
    assert false_alarms == []
    without = [s for s in observer.samples if unwritable.begin + 15 < s.at < unwritable.begin + 30]
    assert without
    assert not any(sample.ready for sample in without)


def show(
    harms: list[Harm], samples: list[Sample], asked: list[Outcome], failed: list[Outcome]
) -> None:
    """The table for whoever reads the log."""
    for harm in harms:
        during = [s for s in samples if harm.begin <= s.at <= harm.end + DETECTION_SECONDS]
        lost = [one for one in failed if harm.holds(one)]
        reasons = sorted(
            {s.reasons.strip().replace("\n", "; ")[:160] for s in during if not s.ready}
        )
        tell(
            f"{harm.what:>9}: {harm.end - harm.begin:5.1f} s to new leaders; questions failed: "
            f"{len(lost)}; not ready in {sum(not s.ready for s in during)} of {len(during)}, "
            f"largest lag {max((s.lag for s in during), default=0):.0f}; {reasons}"
        )
    for client, count in Counter(one.client for one in asked).items():
        mine = sorted(one.seconds for one in asked if one.client == client and one.why is None)
        why = Counter(one.why for one in failed if one.client == client)
        tell(f"{client}: {count} asked, slowest answer {mine[-1]:.1f} s, failed {dict(why)}")
