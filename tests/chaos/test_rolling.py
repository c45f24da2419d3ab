"""Three instances replaced one after the other, while events stream and three clients ask."""

import io
import subprocess
import tarfile
from collections import Counter
from pathlib import Path

import pytest

from chaos.asker import correlation_ids
from chaos.conftest import Make
from chaos.questions import Outcome, questions
from chaos.reference import Verdict, judge
from chaos.saved import wait_saved
from chaos.world import World, events, streaming, tell
from support.gateway import install, running_gateway
from support.waiting import wait_until

pytestmark = pytest.mark.slow(seconds=90)

NAMES = ("one", "two", "three")
EVENTS_PER_SECOND = 2000
FORMAT_2 = "24683ba"
"""The last commit whose states were whole: both parts in one record of the changelog."""
ROOT = Path(__file__).parents[2]


def test_a_rolling_restart_fails_no_question_and_loses_and_doubles_nothing(make: Make) -> None:
    world = make(partitions=6)
    for name in NAMES:
        world.instance(name).start()
    verdict = replaced_in_turn(world)
    assert verdict.letters == verdict.refused


def test_so_does_an_upgrade_from_states_of_format_2(make: Make, tmp_path: Path) -> None:
    world = make(partitions=6)
    old = old_version(tmp_path)
    for name in NAMES:
        world.instance(name).start(**old)
    replaced_in_turn(world, old=True)


def test_an_old_version_that_comes_back_misleads_no_new_one(make: Make, tmp_path: Path) -> None:
    world = make(partitions=2)
    # One segment, which is never compacted: what the old version wrote is still there.
    world.create(world.settings.changelog_topic, 2, **{"cleanup.policy": "compact"})
    old, new = old_version(tmp_path), dict[str, str]()
    instance = world.instance()
    for seed, version in enumerate((old, new, old, new)):
        instance.start(**version).wait_ready()
        world.send(events(2000, seed))
        wait_saved(world)
        assert instance.stop() == 0
    verdict = judge(world, old=True)
    tell(verdict)
    assert verdict.faults == []


def test_an_old_version_ends_where_it_can_read_nothing(make: Make, tmp_path: Path) -> None:
    world = make(partitions=2)
    instance = world.instance().start().wait_ready()
    world.send(events(2000, seed=1))
    wait_saved(world)
    assert instance.stop() == 0
    assert instance.start(**old_version(tmp_path)).wait_ended() == 1
    assert "another format" in instance.last_line
    assert instance.start().wait_ready().stop() == 0
    assert judge(world).faults == []


def old_version(folder: Path) -> dict[str, str]:
    """The variables with which an instance is of the old version.

    Skips the test where the history does not reach back to it.
    """
    found = subprocess.run(
        ["git", "archive", FORMAT_2, "consumer", "contract"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if found.returncode:
        pytest.skip(f"needs the history: {found.stderr.decode().strip()}")
    with tarfile.open(fileobj=io.BytesIO(found.stdout)) as archive:
        archive.extractall(folder / "old", filter="data")
    return {"PYTHONPATH": str(folder / "old"), "PYTHONSAFEPATH": "1"}


def replaced_in_turn(world: World, *, old: bool = False) -> Verdict:
    """Replace each by the present version, and go on to the next when it is ready."""
    install()
    for instance in world.instances.values():
        instance.wait_ready()
    with running_gateway(world.names) as gateway, streaming(world, EVENTS_PER_SECOND):
        first = world.instances["one"].service
        wait_until(lambda: first.metric("riverline_model_events") > EVENTS_PER_SECOND)
        with questions(world.folder, world.names, gateway.port) as outcomes:
            for instance in world.instances.values():
                assert instance.stop() == 0
                instance.start().wait_ready()
    wait_saved(world)
    verdict = judge(world, old=old)
    show(outcomes)
    tell(verdict)
    assert [one for one in outcomes if one.why is not None] == []
    assert verdict.faults == []
    asked = correlation_ids(world, world.names["REQUESTS_TOPIC"])
    answered = correlation_ids(world, world.names["REPLIES_TOPIC"])
    tell(f"{asked.total()} requests, {answered.total()} replies")
    assert answered.keys() == asked.keys()
    return verdict


def show(outcomes: list[Outcome]) -> None:
    """What became of the questions, for whoever reads the log."""
    for client in sorted({one.client for one in outcomes}):
        its = [one for one in outcomes if one.client == client]
        failed = Counter(one.why for one in its if one.why is not None)
        slowest = max(one.seconds for one in its)
        tell(f"{client}: {len(its)} asked, slowest answer {slowest:.1f} s, failed {dict(failed)}")
