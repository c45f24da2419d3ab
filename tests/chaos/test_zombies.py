"""Processes that were given up and come back: whatever they write is only older, never wrong."""

from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import partial
from multiprocessing import get_context
from time import monotonic

import pytest

from chaos.conftest import Make
from chaos.reference import document, judge
from chaos.saved import Saved, wait_saved
from chaos.world import Instance, events, stream, tell
from support.waiting import wait_until

pytestmark = pytest.mark.slow(seconds=40)
TIMES = 2  # each of the two, once
EVENTS = 40_000
ASSIGNED = "riverline_assigned_partitions"


def owns(instance: Instance, partitions: int) -> bool:
    return instance.service.ready and instance.service.metric(ASSIGNED) == partitions


def all_moved(found: Saved, before: dict[int, int]) -> bool:
    after = found.look()
    return all(after[number] > position for number, position in before.items())


def test_zombies_past_their_session_change_no_bit(make: Make) -> None:
    world = make(partitions=4)
    instances = [world.instance(name).start().wait_ready() for name in ("one", "two")]
    wait_until(lambda: all(owns(instance, 2) for instance in instances))
    started = monotonic()
    with (
        ProcessPoolExecutor(1, get_context("spawn")) as elsewhere,
        closing(Saved(world.settings)) as found,
    ):
        sending = elsewhere.submit(
            stream, world.servers, world.events_topic, EVENTS, 1, 15.0 * TIMES
        )
        for number in range(TIMES):
            zombie, other = instances[number % 2], instances[(number + 1) % 2]
            zombie.pause()
            wait_until(partial(owns, other, 4))
            wait_until(partial(all_moved, found, found.look()))
            zombie.resume()
            wait_until(lambda: all(owns(instance, 2) for instance in instances))
        sending.result()
        settled = wait_saved(world)
        found.look()
    verdict = judge(world)
    tell(
        f"{TIMES} zombies in {monotonic() - started:.0f} s, {found.late} of their snapshots came "
        f"late; all saved {settled:.1f} s after the stream; {verdict}"
    )
    assert verdict.faults == []
    assert all(instance.lives == 1 and instance.runs for instance in instances)


def test_a_displaced_instance_that_comes_back_changes_no_bit(make: Make) -> None:
    world = make(partitions=2)
    world.send(events(2000, seed=2))
    zombie = world.instance("same").start().wait_ready()
    wait_saved(world)
    with ProcessPoolExecutor(1, get_context("spawn")) as elsewhere:
        sending = elsewhere.submit(stream, world.servers, world.events_topic, 10_000, 3, 8.0)
        zombie.pause()
        after = world.instance("after", INSTANCE_ID="same").start().wait_ready()
        wait_until(lambda: owns(after, 2))
        zombie.resume()
        sending.result()
    wait_saved(world)
    assert zombie.wait_ended() == 1
    assert "another process runs under our INSTANCE_ID" in zombie.last_line
    assert after.said.count('event="partition restored"') == 2  # it was left in peace
    assert after.runs
    verdict = judge(world)
    tell(f"{verdict}; the zombie's last words: {zombie.last_line}")
    assert verdict.faults == []


@pytest.mark.parametrize("kept", [(1500, 1000), (1000,)])
def test_a_late_lower_snapshot_placed_last_is_passed_over_or_as_good(
    make: Make, kept: tuple[int, ...]
) -> None:
    world = make(partitions=1)
    world.send(events(2000, seed=4))
    world.put(0, *(document(world, 0, position) for position in kept))
    one = world.instance().start()
    wait_saved(world)
    assert f"partition=0 position={max(kept)} " in one.said
    verdict = judge(world)
    assert [fault for fault in verdict.faults if fault.startswith("I1")] == []
