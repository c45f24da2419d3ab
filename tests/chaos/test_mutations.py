"""A harness that cannot fail shows nothing: each safeguard is taken out, and each time it fails."""

from contextlib import closing

import pytest

from chaos.conftest import Make
from chaos.reference import document, flip, judge
from chaos.saved import Saved
from chaos.world import Instance, World, events, tell
from consumer.state.snapshot import Part
from support.waiting import wait_until

pytestmark = pytest.mark.slow
EVENTS = 2000


def live(world: World, mutation: str) -> None:
    """Two lives of a mutant: one killed when a snapshot of each partition is there, one stopped."""
    one = world.instance()
    world.send(events(EVENTS, seed=1))
    one.start(mutation)
    with closing(Saved(world.settings)) as found:
        # The first of each partition may be of the log's beginning.
        wait_until(lambda: bool(found.look()) and min(found.records[n] for n in (0, 1)) > 1)
    one.kill()
    world.send(events(EVENTS, seed=2))
    one.start(mutation)
    end_in_order(one)


def end_in_order(one: Instance) -> None:
    """Wait until it has read all there is, then stop it: what it says at the end is saved."""
    one.wait_ready()
    wait_until(lambda: one.service.metric("riverline_events_behind") == 0)
    assert one.stop() == 0


@pytest.mark.parametrize(("mutation", "wrong"), [("no-mutation", False), ("hash-unchecked", True)])
def test_a_flipped_byte_is_restored_where_no_hash_is_checked(
    make: Make, mutation: str, *, wrong: bool
) -> None:
    world = make(partitions=1)
    world.send(events(EVENTS, seed=3))
    world.put(0, document(world, 0, 500), flip(document(world, 0, 1000)))
    end_in_order(world.instance().start(mutation))
    found = [fault for fault in judge(world).faults if fault.startswith("I1")]
    tell(f"{mutation}: {found}")
    assert bool(found) is wrong


@pytest.mark.parametrize(
    ("mutation", "wrong"), [("no-mutation", False), ("group-offset-read", True)]
)
def test_a_group_s_offset_ahead_of_the_state_makes_a_hole_where_it_counts(
    make: Make, mutation: str, *, wrong: bool
) -> None:
    world = make(partitions=1)
    world.send(events(EVENTS, seed=4))
    world.put(0, document(world, 0, 500))
    world.put(0, document(world, 0, 500, Part.HISTORY), part=Part.HISTORY)
    world.commit({0: 1000})
    end_in_order(world.instance().start(mutation))
    found = [fault for fault in judge(world).faults if fault.startswith("I1")]
    tell(f"{mutation}: {found}")
    assert bool(found) is wrong


@pytest.mark.parametrize(
    ("mutation", "wrong"), [("no-mutation", False), ("replay-of-other-rows", True)]
)
def test_a_history_that_is_behind_reads_again_from_its_own_place(
    make: Make, mutation: str, *, wrong: bool
) -> None:
    world = make(partitions=1)
    world.send(events(EVENTS, seed=5))
    world.put(0, document(world, 0, 1900))
    world.put(0, document(world, 0, 1730, Part.HISTORY), part=Part.HISTORY)
    end_in_order(world.instance().start(mutation))
    found = [fault for fault in judge(world).faults if fault.startswith("I1")]
    tell(f"{mutation}: {found}")
    assert bool(found) is wrong


@pytest.mark.parametrize("mutation", ["no-mutation", "letters-slow"])
def test_without_a_mutation_the_same_run_holds(make: Make, mutation: str) -> None:
    world = make(partitions=2)
    live(world, mutation)
    verdict = judge(world)
    tell(f"{mutation}: {verdict}")
    assert verdict.faults == []
    assert verdict.letters >= verdict.refused > 0


@pytest.mark.parametrize(
    ("mutation", "invariant"),
    [
        ("one-ahead", "I1"),
        ("position-behind", "I1"),
        ("state-forgotten", "I1"),
        ("letters-not-awaited", "I3"),
        ("pending-left-out", "I1"),
        ("history-position-behind", "I1"),
        ("blocks-of-polls", "I1"),
    ],
)
def test_a_safeguard_taken_out_is_caught(make: Make, mutation: str, invariant: str) -> None:
    world = make(partitions=2)
    live(world, mutation)
    verdict = judge(world)
    tell(f"{mutation}: {verdict}")
    assert any(fault.startswith(invariant) for fault in verdict.faults)
