"""Leaders are killed under a running gateway: questions go round, and nothing counts twice."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import pytest
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from broker import EmbeddedCluster
from gateway.answerer import Answerer, answering, read_all
from support.gateway import EVENT, Answer, Gateway, running_gateway
from support.service import LEARNED, own_names, running_service
from support.waiting import wait_until

pytestmark = pytest.mark.slow(seconds=25)

PARTITIONS = 3


@dataclass(frozen=True, slots=True)
class Stage:
    """A gateway on three brokers, and somebody who answers."""

    cluster: EmbeddedCluster
    gateway: Gateway
    answerer: Answerer
    names: dict[str, str]

    def leader(self, topic: str) -> int | None:
        """The broker that leads the first partition; -1: none; None: nobody can say now."""
        return self.answerer.leader(self.names[topic], 0)

    def kill_leader(self, topic: str) -> int:
        """Kill the broker that leads the first partition; its number."""
        leader = self.leader(topic)
        assert leader is not None
        self.cluster.kill(leader)
        return leader

    def await_another(self, topic: str, leader: int) -> float:
        """When a partition has another leader, in seconds of the monotonic clock."""
        wait_until(lambda: self.leader(topic) not in {leader, -1, None}, 20)
        return time.monotonic()


@contextmanager
def staged(cluster: EmbeddedCluster, replicas: int) -> Iterator[Stage]:
    names = own_names(cluster.bootstrap_servers)
    settings = {"min.insync.replicas": str(max(1, replicas - 1))}
    topics = [names[f"{name}_TOPIC"] for name in ("EVENTS", "REQUESTS", "REPLIES")]
    with KafkaAdminClient(bootstrap_servers=cluster.bootstrap_servers) as admin:
        admin.create_topics(
            [NewTopic(it, PARTITIONS, replicas, topic_configs=settings) for it in topics]
        )
    cluster.wait_until_in_sync()
    servers = cluster.bootstrap_servers
    with answering(servers, names, PARTITIONS) as answerer, running_gateway(names) as gateway:
        wait_until(lambda: gateway.get("/readyz").status == 200)
        yield Stage(cluster, gateway, answerer, names)


class Callers:
    """Call on end in four threads; each call's beginning, end and answer are kept."""

    def __init__(self, call: Callable[[int], Answer], threads: int = 4) -> None:
        self._call = call
        self._over = threading.Event()
        self._numbers = iter(range(10**9))
        self._lock = threading.Lock()
        self.calls: list[tuple[int, float, float, Answer]] = []
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        wait_until(lambda: len(self.calls) > 20)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self._over.wait(0.02):
            with self._lock:
                number = next(self._numbers)
            began = time.monotonic()
            answer = self._call(number)
            self.calls.append((number, began, time.monotonic(), answer))

    def answered_since(self, moment: float) -> int:
        return sum(answer.status < 300 for _, began, _, answer in self.calls if began > moment)

    def statuses(self) -> Counter[int]:
        return Counter(answer.status for _, _, _, answer in self.calls)

    def slowest(self, moment: float = 0.0) -> float:
        return max(ended - began for _, began, ended, _ in self.calls if began > moment)


@pytest.mark.parametrize("topic", ["REQUESTS_TOPIC", "REPLIES_TOPIC"])
def test_no_question_fails_when_a_leader_is_killed(cluster: EmbeddedCluster, topic: str) -> None:
    with staged(cluster, replicas=3) as stage:
        with Callers(lambda _: stage.gateway.get("/v1/ia/predict?tv=1")) as callers:
            killed = time.monotonic()
            leader = stage.kill_leader(topic)
            found = stage.await_another(topic, leader)
            wait_until(lambda: callers.answered_since(found + 2) > 100, 30)
        print({"election s": found - killed, "slowest s": callers.slowest()})  # noqa: T201
        assert callers.statuses() == {200: len(callers.calls)}
        assert callers.slowest(found + 1) < 1
        assert stage.gateway.process.poll() is None


def test_what_nobody_answered_is_asked_again_but_for_learning(cluster: EmbeddedCluster) -> None:
    with staged(cluster, replicas=3) as stage, ThreadPoolExecutor(2) as pool:
        stage.answerer.silent = True
        asked = pool.submit(stage.gateway.get, "/v1/ia/predict?tv=1")
        taught = pool.submit(stage.gateway.post, "/v1/ia/learn", EVENT)
        wait_until(lambda: len(stage.answerer.asked) == 2)
        stage.answerer.silent = False
        stage.kill_leader("REQUESTS_TOPIC")
        assert asked.result().status == 200
        refused = taught.result()
        assert (refused.status, refused.code) == (504, "timeout")
        assert "may or may not have been learned" in refused.document["detail"]
        assert min(stage.answerer.asked.values()) == 1
        assert len(stage.answerer.asked) == 2


def test_the_service_answers_through_each_brokers_death(cluster: EmbeddedCluster) -> None:
    names = own_names(cluster.bootstrap_servers)
    with running_service(**names) as service:
        wait_until(lambda: service.ready)
        with running_gateway(names) as gateway:
            events = [EVENT | {"tv": tv, "sales": 7 + tv % 3} for tv in range(100)]
            assert gateway.post("/v1/ia/events", events).status == 202
            wait_until(lambda: service.metric(LEARNED) == 100)
            with Callers(lambda _: gateway.get("/v1/ia/predict?tv=1")) as callers:
                for number in cluster.numbers:
                    cluster.kill(number)
                    killed = time.monotonic()
                    wait_until(lambda: callers.answered_since(killed + 6) > 50, 60)  # noqa: B023
                    cluster.start(number)
                    cluster.wait_until_in_sync()
            print(callers.statuses(), {"slowest s": callers.slowest()})  # noqa: T201
            failed = len(callers.calls) - callers.statuses()[200]
            assert failed <= len(callers.calls) / 200


def test_a_partition_without_a_leader_is_gone_round(cluster: EmbeddedCluster) -> None:
    with staged(cluster, replicas=1) as stage:
        with Callers(lambda _: stage.gateway.get("/v1/ia/predict?tv=1")) as callers:
            gone = stage.kill_leader("REPLIES_TOPIC")
            wait_until(lambda: stage.leader("REPLIES_TOPIC") == -1)
            without = time.monotonic()
            wait_until(lambda: callers.answered_since(without + 1) > 200, 30)
            ready = stage.gateway.get("/readyz")
            assert (ready.status, ready.document["faults"]) == (200, ["leader"])
            assert ready.document["leaderless"] == {"requests": 1, "replies": 1, "events": 1}
            exposed = stage.gateway.get("/metrics").text
            assert 'riverline_gateway_leaderless_partitions{topic="replies"} 1' in exposed
            assert stage.gateway.post("/v1/ia/events", [EVENT]).status == 202
            assert stage.gateway.post("/v1/ia/learn", EVENT).status == 202
            cluster.start(gone)
            wait_until(lambda: stage.gateway.get("/readyz").document["faults"] == [])
            back = time.monotonic()
            wait_until(lambda: callers.answered_since(back) > 100, 30)
        print({"slowest s": callers.slowest()})  # noqa: T201
        assert callers.statuses() == {200: len(callers.calls)}
        said = stage.gateway.log.read_text()
        assert said.count(f"of {stage.names['REPLIES_TOPIC']} has no leader") == 2  # and no longer


@pytest.mark.parametrize("replicas", [3, 1])
def test_no_learning_is_asked_for_twice(cluster: EmbeddedCluster, replicas: int) -> None:
    with staged(cluster, replicas) as stage:
        with Callers(
            lambda number: stage.gateway.post("/v1/ia/learn", EVENT | {"tv": number})
        ) as callers:
            leader = stage.kill_leader("REQUESTS_TOPIC")
            killed = time.monotonic()
            wait_until(lambda: callers.answered_since(killed + 4) > 100, 30)
            cluster.start(leader)
            back = time.monotonic()
            wait_until(lambda: callers.answered_since(back) > 100, 30)
        cluster.wait_until_in_sync()
        statuses = callers.statuses()
        print(statuses, {"slowest s": callers.slowest()})  # noqa: T201
        assert statuses.keys() <= {202, 503, 504}
        assert len(callers.calls) - statuses[202] <= (0 if replicas == 3 else 8)
        told = [answer.document["detail"] for *_, answer in callers.calls if answer.status != 202]
        assert all("may or may not" in detail for detail in told)
        assert set(stage.answerer.asked.values()) == {1}
        wait_until(lambda: len(stage.answerer.asked) >= statuses[202])


@pytest.mark.parametrize("replicas", [3, 1])
def test_accepted_events_are_there_once_each(cluster: EmbeddedCluster, replicas: int) -> None:
    with staged(cluster, replicas) as stage:

        def send(number: int) -> Answer:
            return stage.gateway.post(
                "/v1/ia/events", [EVENT | {"tv": number, "radio": n} for n in range(20)]
            )

        with Callers(send) as callers:
            leader = stage.kill_leader("EVENTS_TOPIC")
            killed = time.monotonic()
            wait_until(lambda: callers.answered_since(killed + 4) > 100, 30)
            cluster.start(leader)
            back = time.monotonic()
            wait_until(lambda: callers.answered_since(back) > 100, 30)
        cluster.wait_until_in_sync()
        print(callers.statuses(), {"slowest s": callers.slowest()})  # noqa: T201
        found = read_all(cluster.bootstrap_servers, stage.names["EVENTS_TOPIC"], PARTITIONS)
        events = Counter((event["tv"], event["radio"]) for event in map(json.loads, found))
        accepted = {number for number, _, _, answer in callers.calls if answer.status == 202}
        assert set(events.values()) == {1}
        assert accepted <= {number for number, _ in events}
        assert len(callers.calls) - len(accepted) <= (0 if replicas == 3 else 8)
