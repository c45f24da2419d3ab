"""Partitions without a leader: the others go on, those are named, and all is exact afterwards."""

import re
from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from broker import EmbeddedCluster
from chaos.asker import Asker
from chaos.reference import judge
from chaos.saved import wait_saved
from chaos.world import Instance, World, events, plain_producer, tell
from consumer.client.protocols import NO_LEADER
from consumer.telemetry.health import MAX_SILENCE_SECONDS
from leaks import unclosed_sockets
from support.waiting import wait_until

pytestmark = pytest.mark.slow(seconds=40)
PREDICT = {"method": "predict", "params": {"tv": 50.0}}
LAG = re.compile(r'^riverline_consumer_lag\{partition="(\d+)"\} (\S+)$', re.MULTILINE)


@pytest.fixture(autouse=True)
def _unclosed_sockets() -> Iterator[None]:
    with unclosed_sockets():
        yield


@pytest.fixture
def world(cluster: EmbeddedCluster, tmp_path: Path) -> Iterator[World]:
    """On three brokers, each of which has partitions that no other has."""
    world = World(cluster.bootstrap_servers, tmp_path, environment={"REPLICATION_FACTOR": "1"})
    yield world
    world.close()


def led(world: World, topic: str) -> dict[int, set[int]]:
    """The partitions of a topic by the broker that leads them."""
    with world.admin() as admin:
        (found,) = admin.describe_topics([topic])
    by_broker: dict[int, set[int]] = {}
    for partition in found["partitions"]:
        by_broker.setdefault(partition["leader_id"], set()).add(partition["partition_index"])
    return by_broker


def learned(instance: Instance) -> float:
    return instance.service.metric("riverline_model_events")


def lags(instance: Instance) -> dict[int, float]:
    return {int(n): float(lag) for n, lag in LAG.findall(instance.service.page("/metrics"))}


class Sender:
    """Sends events that can be learned, and knows how many there are."""

    def __init__(self, world: World) -> None:
        self._topic = world.events_topic
        self._producer: Any = plain_producer(world.servers)
        self._values = (value for value in events(10**6, 7) if value and b'"sales":' in value)
        self.sent = 0

    def send(self, partitions: set[int], count: int) -> None:
        """Send so many to each of these partitions; all are acknowledged."""
        futures = [
            self._producer.send(self._topic, value=value, key=b"k", partition=number)
            for number in partitions
            for value in islice(self._values, count)
        ]
        for future in futures:
            future.get(timeout=60)
        self.sent += len(futures)

    def close(self) -> None:
        self._producer.close(timeout=1)


def follows(instance: Instance, partitions: set[int], sender: Sender) -> bool:
    """Whether these partitions are learned to their ends, as far as the service says."""
    found = lags(instance)
    return all(found.get(number) == 0 for number in partitions) and sender.sent > 0


def test_the_others_are_learned_and_answered_for_as_long_as_it_takes(
    cluster: EmbeddedCluster, world: World
) -> None:
    instance = world.instance().start().wait_ready()
    leaders = led(world, world.events_topic)
    gone = next(broker for broker, partitions in leaders.items() if len(partitions) == 1)
    (lost,) = leaders[gone]
    living = set(range(world.partitions)) - {lost}
    named = f"no leader for partition {lost} of {world.events_topic}"
    with closing(Sender(world)) as sender, closing(Asker(world)) as asker:
        sender.send(living | {lost}, 500)
        wait_until(lambda: follows(instance, living | {lost}, sender))
        cluster.kill(gone)
        killed = monotonic()
        wait_until(lambda: named in instance.service.page("/readyz"), 15)
        told = monotonic() - killed
        wait_until(lambda: lags(instance)[lost] != 0, 5)
        before = learned(instance)
        sender.send(living, 500)
        wait_until(lambda: learned(instance) >= before + 400, 15)
        while monotonic() < killed + MAX_SILENCE_SECONDS + 10:
            sender.send(living, 10)
            wait_until(lambda: follows(instance, living, sender), 15)
            assert lags(instance)[lost] != 0
            assert named in instance.service.page("/readyz")
        reached = next(
            number
            for broker, partitions in led(world, world.names["REQUESTS_TOPIC"]).items()
            for number in partitions
            if broker != NO_LEADER
        )
        reply = answered(asker, reached)
        assert str(lost) in reply["stale_seconds"]
        assert "has not turned" not in instance.service.page("/readyz")
        cluster.start(gone)
        back = monotonic()
        instance.wait_ready()
        ready = monotonic() - back
        settled = wait_saved(world)
    verdict = judge(world)
    tell(
        f"named {told:.1f} s after the kill; ready {ready:.1f} s, saved {settled:.1f} s; {verdict}"
    )
    assert verdict.faults == []


def answered(asker: Asker, partition: int) -> dict[str, Any]:
    """The reply to a prediction asked of this partition, which may need to be asked again."""
    asked: list[bytes] = []

    def is_answered() -> bool:
        if not asked or monotonic() > answered_by[0]:
            asked.append(asker.ask(partition, PREDICT))
            answered_by[0] = monotonic() + 3
        return any(one in asker.look() for one in asked)

    answered_by = [0.0]
    wait_until(is_answered, 30)
    return next(asker.answers[one] for one in asked if one in asker.answers)


def test_a_service_that_starts_meanwhile_serves_what_there_is(
    cluster: EmbeddedCluster, world: World
) -> None:
    instance = world.instance().start().wait_ready()
    leaders = led(world, world.events_topic)
    gone = next(broker for broker, partitions in leaders.items() if len(partitions) == 1)
    kept = led(world, world.settings.changelog_topic)
    lost = leaders[gone] | kept.get(gone, set())
    living = set(range(world.partitions)) - lost
    with closing(Sender(world)) as sender:
        sender.send(living | lost, 500)
        wait_until(lambda: follows(instance, living | lost, sender))
        wait_saved(world)
        instance.kill()
        cluster.kill(gone)
        instance.start()
        wait_until(lambda: instance.service.status("/livez") == HTTPStatus.OK)
        wait_until(lambda: follows(instance, living, sender), 90)
        sender.send(living, 500)
        wait_until(lambda: follows(instance, living, sender))
        told = instance.service.page("/readyz")
        assert "not restored yet: partition" in told
        assert all(str(number) in told for number in lost)
        cluster.start(gone)
        instance.wait_ready()
        wait_saved(world)
    assert judge(world).faults == []


def test_topics_are_made_so_that_one_broker_may_be_away(
    cluster: EmbeddedCluster, tmp_path: Path
) -> None:
    world = World(cluster.bootstrap_servers, tmp_path)
    try:
        instance = world.instance().start().wait_ready()
        settings = world.settings
        names = [*(topic.name for topic in settings.topics), settings.changelog_topic]
        with world.admin() as admin:
            found = admin.describe_topics(names)
        replicas = {len(p["replica_nodes"]) for topic in found for p in topic["partitions"]}
        assert replicas == {3}
        with closing(Sender(world)) as sender:
            sender.send(set(range(world.partitions)), 500)
            cluster.kill(2)
            sender.send(set(range(world.partitions)), 500)
            wait_until(lambda: learned(instance) >= 0.9 * sender.sent)
            instance.wait_ready()
            cluster.start(2)
            cluster.wait_until_in_sync()
            wait_saved(world)
        assert judge(world).faults == []
        assert "a setting has a price" not in instance.said
    finally:
        world.close()


def test_an_event_by_request_is_refused_while_nothing_can_take_it(
    cluster: EmbeddedCluster, world: World
) -> None:
    instance = world.instance().start().wait_ready()
    with closing(Sender(world)) as sender, closing(Asker(world)) as asker:
        every = set(range(world.partitions))
        sender.send(every, 100)
        wait_until(lambda: follows(instance, every, sender))
        gone = next(broker for broker, p in led(world, world.events_topic).items() if 0 in p)
        cluster.kill(gone)
        wait_until(lambda: "no leader for partition" in instance.service.page("/readyz"), 15)
        asking = led(world, world.names["REQUESTS_TOPIC"])
        reached = next(min(p) for broker, p in asking.items() if broker != NO_LEADER)
        began = monotonic()
        event = {"tv": 1.0, "radio": 2.0, "newspaper": 3.0, "sales": 4.0}
        asked = asker.ask(reached, {"method": "learn", "params": event})
        wait_until(lambda: asked in asker.look(), 25)
        tell(f"refused after {monotonic() - began:.1f} s: {asker.answers[asked]}")
        assert asker.answers[asked]["error"]["code"] == "not-learned"
        cluster.start(gone)
        instance.wait_ready()
        wait_saved(world)
    verdict = judge(world)
    assert verdict.faults == []
    assert verdict.records == sender.sent
