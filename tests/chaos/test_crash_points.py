"""The process dies at each named point of a commit; started again plainly, nothing is amiss.

docs/FAILURES.md has a row for each.
"""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from chaos.conftest import Make
from chaos.reference import judge
from chaos.saved import wait_saved
from chaos.world import World, events, stream, tell

pytestmark = pytest.mark.slow
KILLED = -9
EVENTS = 10_000


def in_the_end_all_is_right(world: World, point: str) -> None:
    one = world.instance()
    one.start()
    wait_saved(world)
    verdict = judge(world)
    tell(f"{point}: {verdict}")
    assert verdict.faults == []
    assert verdict.refused > 0


@pytest.mark.parametrize(
    ("point", "call"),
    [
        ("after-poll", 3),
        ("while-folding", 1234),
        ("before-dead-letters", 5),
        ("before-settling", 1),
        ("before-snapshot", 2),
        ("after-snapshot", 2),
        ("before-history", 2),
        ("after-history", 2),
        ("before-acknowledged", 2),
        ("before-commit", 2),
    ],
)
def test_death_while_it_learns(make: Make, point: str, call: int) -> None:
    world = make(partitions=2)
    world.send(events(EVENTS, seed=1))
    assert world.instance().start(point, str(call)).wait_ended() == KILLED
    in_the_end_all_is_right(world, point)


def test_death_after_a_partition_was_handed_over(make: Make) -> None:
    world = make(partitions=2)
    one = world.instance().start("after-handover", CHECKPOINT_INTERVAL_MS="3600000").wait_ready()
    with ProcessPoolExecutor(1, get_context("spawn")) as elsewhere:
        sending = elsewhere.submit(stream, world.servers, world.events_topic, EVENTS, 5, 8.0)
        world.instance("two").start()
        assert one.wait_ended() == KILLED
        sending.result()
    in_the_end_all_is_right(world, "after-handover")


@pytest.mark.parametrize(
    ("point", "call"), [("while-starting", 1), ("while-following", 2), ("while-restoring", 2)]
)
def test_death_while_it_starts(make: Make, point: str, call: int) -> None:
    world = make(partitions=2)
    one = world.instance().start().wait_ready()
    world.send(events(EVENTS, seed=2))
    wait_saved(world)
    one.kill()
    world.send(events(EVENTS, seed=3))
    assert one.start(point, str(call)).wait_ended() == KILLED
    in_the_end_all_is_right(world, point)


def test_death_while_a_history_reads_again(make: Make) -> None:
    world = make(partitions=2)
    one = world.instance().start("without-histories").wait_ready()
    world.send(events(EVENTS, seed=6))
    wait_saved(world)
    one.kill()
    assert one.start("while-reading-again", "2000").wait_ended() == KILLED
    in_the_end_all_is_right(world, "while-reading-again")


@pytest.mark.parametrize("point", ["while-stopping", "while-leaving"])
def test_death_while_it_stops(make: Make, point: str) -> None:
    world = make(partitions=2)
    one = world.instance().start(point).wait_ready()
    world.send(events(EVENTS, seed=4))
    assert one.stop() == KILLED
    in_the_end_all_is_right(world, point)
