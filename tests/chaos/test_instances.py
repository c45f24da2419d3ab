"""One model over any number of instances, and what becomes of the answers when one of them goes."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from time import monotonic
from typing import Any

import pytest

from chaos.asker import Asker
from chaos.conftest import Make
from chaos.reference import judge
from chaos.saved import wait_saved
from chaos.world import Instance, World, events, stream, tell
from consumer.client.connections import SESSION_TIMEOUT_MS
from support.waiting import wait_until

pytestmark = pytest.mark.slow(seconds=30)
TRAIN = {"method": "train"}
INTERVAL_SECONDS = 1.0
ASSIGNED = "riverline_assigned_partitions"
ANSWERED = 'riverline_requests_total{method="train",outcome="answered"}'
NOISE_SECONDS = 5.0
"""What a busy machine may add to a time that the design promises."""

Reply = dict[str, Any]


def alone(world: World) -> World:
    """Another application on the same events."""
    names = {"EVENTS_TOPIC": world.events_topic}
    return World(world.servers, world.folder, world.partitions, world.environment | names)


def figures(reply: Reply) -> list[float]:
    """All coefficients with their errors and limits, the textbook's and the always-valid."""
    rows = [dict(row) for row in reply["coefficients"].values()]
    always = [row.pop("always_valid") for row in rows]
    return [float(figure) for row in rows + always for figure in row.values()]


def same(replies: list[Reply], due: Reply) -> bool:
    """Whether they rest on the same events and say the same, to 1e-9."""
    return all(
        reply.get("positions") == due["positions"]
        and figures(reply) == pytest.approx(figures(due), rel=1e-9)
        for reply in replies
    )


def shares(world: World) -> dict[str, set[int]]:
    """The partitions of the requests topic by the instance that answers them."""
    group = f"{world.settings.application_id}-responder"
    with world.admin() as admin:
        members = admin.describe_groups([group])[group]["members"]
    return {
        member["group_instance_id"]: {
            number
            for topic in member["member_assignment"]["assigned_partitions"]
            for number in topic["partitions"]
        }
        for member in members
    }


def waits(asker: Asker, due: Reply) -> dict[int, float]:
    """Ask every partition once; how long each waited for the answer, which is the due one."""
    asked = {asker.ask(number, TRAIN): number for number in asker.partitions}
    started = monotonic()
    waited: dict[int, float] = {}
    while len(waited) < len(asked):
        asker.look()
        for correlation_id in asked.keys() & asker.answers.keys():
            assert same([asker.answers.pop(correlation_id)], due)
            waited[asked[correlation_id]] = monotonic() - started
        assert monotonic() - started < 60, f"answered only: {waited}"
    return waited


def settle(asker: Asker, world: World) -> Reply:
    """Ask until the answer rests on all of the log."""
    ends = {str(number): end for number, (_first, end) in world.log_range().items()}
    replies: list[Reply] = []

    def rests_on_all() -> bool:
        replies[:] = asker.ask_all(TRAIN)
        return all(reply.get("positions") == ends for reply in replies)

    wait_until(rests_on_all)
    return replies[0]


def test_three_instances_answer_as_one_and_outlive_one_of_them(make: Make) -> None:
    world = make(partitions=6, CHECKPOINT_INTERVAL_MS="1000")
    three = {name: world.instance(name).start() for name in ("one", "two", "three")}
    for instance in three.values():
        instance.wait_ready()
    wait_until(lambda: all(i.service.metric(ASSIGNED) == 2 for i in three.values()))
    single = alone(world)
    try:
        single.instance("alone").start().wait_ready()
        with Asker(world) as asker, Asker(single) as reference:
            say_the_same_soon(world, asker, reference)
            assert all(instance.service.metric(ANSWERED) > 0 for instance in three.values())
            due = settle(reference, world)
            one_is_killed(world, asker, three, due)
            say_the_same_soon(world, asker, reference)
            one_is_stopped(world, asker, three, settle(reference, world))
    finally:
        single.close()
    wait_saved(world)
    verdict = judge(world)
    tell(verdict)
    assert verdict.faults == []


def say_the_same_soon(world: World, asker: Asker, reference: Asker) -> None:
    with ProcessPoolExecutor(1, get_context("spawn")) as elsewhere:
        elsewhere.submit(stream, world.servers, world.events_topic, 20_000, 1, 4.0).result()
    stopped = monotonic()
    settle(asker, world)
    took = monotonic() - stopped
    assert same(asker.ask_all(TRAIN), settle(reference, world))
    tell(f"every instance says what a single one says {took:.1f} s after the stream")
    assert took < 3 * INTERVAL_SECONDS + NOISE_SECONDS


def one_is_killed(world: World, asker: Asker, three: dict[str, Instance], due: Reply) -> None:
    owned = shares(world)
    victim = max(owned, key=lambda name: len(owned[name]))
    three.pop(victim).kill()
    waited = waits(asker, due)
    its = max(waited[number] for number in owned[victim])
    others = max(seconds for number, seconds in waited.items() if number not in owned[victim])
    tell(f"killed: its share of requests waited {its:.1f} s, the others' {others:.2f} s")
    assert its < SESSION_TIMEOUT_MS / 1000 + NOISE_SECONDS
    assert others < NOISE_SECONDS
    wait_until(lambda: all(i.service.metric(ASSIGNED) == 3 for i in three.values()))


def one_is_stopped(world: World, asker: Asker, two: dict[str, Instance], due: Reply) -> None:
    name, leaver = two.popitem()
    (heir,) = two.values()
    started = monotonic()
    assert leaver.stop() == 0
    waited = max(waits(asker, due).values())
    wait_until(lambda: heir.service.metric(ASSIGNED) == world.partitions)
    took = monotonic() - started
    tell(f"{name} stopped: its partitions handed over in {took:.1f} s; requests {waited:.1f} s")
    assert took < SESSION_TIMEOUT_MS / 1000
    assert settle(asker, world)["positions"] == due["positions"]


def test_an_instance_without_partitions_answers_too(make: Make) -> None:
    world = make(partitions=1)
    two = [world.instance(name).start().wait_ready() for name in ("one", "two")]
    world.send(events(5000, seed=5))
    with Asker(world) as asker:
        due = settle(asker, world)
        wait_until(lambda: same(asker.ask_all(TRAIN), due))
    assert sorted(instance.service.metric(ASSIGNED) for instance in two) == [0, 1]
    assert all(instance.service.metric(ANSWERED) > 0 for instance in two)
    replica = min(two, key=lambda instance: instance.service.metric(ASSIGNED))
    assert replica.service.metric("riverline_followed_partitions") == 1
    assert replica.service.ready
