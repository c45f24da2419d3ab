"""A damaged changelog, and a log that is not the one the state was learned from.

What can be put right is, and said; what cannot is refused by name, with what to do. Never is half a
state served.
"""

import re
from collections.abc import Callable
from contextlib import closing
from typing import Any

import orjson
import pytest
from kafka import TopicPartition

from chaos.asker import Asker
from chaos.conftest import Make
from chaos.reference import document, flip, judge
from chaos.saved import saved, wait_saved
from chaos.world import Instance, World, events, tell
from consumer.model.packed import unpack
from consumer.state import snapshot
from consumer.state.snapshot import Part
from support.waiting import wait_until

pytestmark = pytest.mark.slow
DIED = 1
EVENTS = 2000
REFUSED = "riverline_snapshots_refused_total"
WHAT_TO_DO = re.compile("(?i)choose a new APPLICATION_ID")


def rewrite(value: bytes, **changes: Any) -> bytes:  # noqa: ANN401 - JSON
    """A snapshot with another state, and the hash that belongs to it."""
    made = orjson.loads(value)
    made["state"] |= changes
    made["sha256"] = snapshot.digest(made["state"])
    return orjson.dumps(made)


DAMAGES: dict[str, Callable[[bytes], bytes | None]] = {
    "a tombstone": lambda _: None,
    "nothing": lambda _: b"",
    "truncated": lambda value: value[: len(value) // 2],
    "NaN": lambda value: re.sub(rb'"n":\d+', b'"n":NaN', value),
    "a flipped byte": flip,
    "another hash": lambda value: re.sub(rb'("sha256":")[0-9a-f]{4}', rb"\g<1>0000", value),
    "another partition's": lambda value: rewrite(value, partition=7),
    "no object": lambda _: b"[1, 2]",
    "not a count": lambda value: rewrite(value, position="500"),
    "a negative position": lambda value: rewrite(value, position=-1),
    "the first format": lambda value: value.replace(b'"format":3', b'"format":1'),
    "no numbers": lambda value: rewrite(value, statistics={}, rows=""),
}
FOREIGN: dict[str, Callable[[bytes], bytes]] = {
    "format": lambda value: value.replace(b'"format":3', b'"format":99'),
    "river": lambda value: rewrite(value, river="0.1"),
    "formula": lambda value: rewrite(value, formula="sales ~ radio"),
    "fields": lambda value: rewrite(value, fields=["tv", "sales"]),
    "learner": lambda value: rewrite(value, learner="sgd"),
}


def refusal(one: Instance) -> str:
    """Why it ended: the last thing it said, which says what to do."""
    assert one.wait_ended() == DIED, one.said
    said = one.last_line
    tell(said)
    assert WHAT_TO_DO.search(said), one.said
    return said


def test_damaged_and_foreign_snapshots_are_skipped_and_told_while_a_valid_one_is_there(
    make: Make,
) -> None:
    world = make(partitions=2)
    world.send(events(EVENTS, seed=1))
    valid, newest = document(world, 0, 500), document(world, 0, 1000)
    assert DAMAGES["a flipped byte"](newest) != newest
    world.put(0, valid, *(damage(newest) for damage in DAMAGES.values()))
    world.put(0, *(damage(newest) for damage in FOREIGN.values()))
    world.put(1, document(world, 1, 700), document(world, 1, 900), document(world, 1, 300))
    one = world.instance().start().wait_ready()
    assert one.service.metric(f'{REFUSED}{{reason="damaged"}}') == len(DAMAGES)
    assert one.service.metric(f'{REFUSED}{{reason="foreign"}}') == len(FOREIGN)
    assert one.said.count('event="snapshot passed over"') == len(DAMAGES) + len(FOREIGN)
    for line in (
        "partition=0 position=500 reads_from=0",
        "partition=1 position=900 reads_from=0",
    ):
        assert f'event="partition restored" {line}' in one.said
    wait_saved(world)
    verdict = judge(world)
    tell(verdict)
    assert [fault for fault in verdict.faults if not fault.startswith("I3")] == []


def test_each_part_damaged_by_itself_falls_back_to_its_own_last_valid_one(make: Make) -> None:
    world = make(partitions=2)
    world.send(events(EVENTS, seed=1))
    parts = {0: (Part.REGRESSION, Part.HISTORY), 1: (Part.HISTORY, Part.REGRESSION)}
    for number, (damaged, whole) in parts.items():
        older, newest = (document(world, number, position, damaged) for position in (500, 900))
        world.put(number, older, *(damage(newest) for damage in DAMAGES.values()), part=damaged)
        world.put(number, document(world, number, 800, whole), part=whole)
    one = world.instance().start().wait_ready()
    assert one.service.metric(f'{REFUSED}{{reason="damaged"}}') == 2 * len(DAMAGES)
    for line in (
        "partition=0 position=500 reads_from=500",  # the history is further, and waits
        "partition=1 position=800 reads_from=500",
    ):
        assert f'event="partition restored" {line}' in one.said
    wait_saved(world)
    verdict = judge(world)
    tell(verdict)
    assert [fault for fault in verdict.faults if not fault.startswith("I3")] == []


def test_a_history_of_which_all_are_damaged_is_read_again_from_the_log_or_refused(
    make: Make,
) -> None:
    world = make(partitions=1)
    world.send(events(1000, seed=5))
    newest = document(world, 0, 500, Part.HISTORY)
    world.put(0, document(world, 0, 500))
    world.put(0, *(damage(newest) for damage in DAMAGES.values()), part=Part.HISTORY)
    one = world.instance().start().wait_ready()
    assert "partition=0 position=500 reads_from=0" in one.said
    wait_saved(world)
    verdict = judge(world)
    assert [fault for fault in verdict.faults if not fault.startswith("I3")] == []
    assert one.stop() == 0

    world = make(partitions=1)
    world.send(events(1000, seed=5))
    newest = document(world, 0, 500, Part.HISTORY)
    world.put(0, document(world, 0, 500))
    world.put(0, *(damage(newest) for damage in DAMAGES.values()), part=Part.HISTORY)
    cut(world, 0, 100)
    said = refusal(world.instance().start())
    assert f"none of the {len(DAMAGES)} record(s) of the changelog is a valid snapshot of" in said


def test_a_changelog_of_the_second_format_is_taken_up_once_and_continued(make: Make) -> None:
    world = make(partitions=1)
    world.send(events(1000, seed=18))
    world.put(0, second_format(document(world, 0, 500), document(world, 0, 500, Part.HISTORY)))
    one = world.instance().start().wait_ready()
    assert "partition=0 position=500 reads_from=500" in one.said
    wait_saved(world)
    wait_until(lambda: Part.HISTORY in saved(world.settings)[0])
    assert one.stop() == 0
    states = saved(world.settings)[0]
    assert all(state.is_current for state in states.values())
    verdict = judge(world)
    tell(verdict)
    assert [fault for fault in verdict.faults if not fault.startswith("I3")] == []


def second_format(regression: bytes, history: bytes) -> bytes:
    """One record with everything, numbers as decimals, as format 2 had it."""
    document, other = orjson.loads(regression), orjson.loads(history)
    state, kept = document["state"], other["state"]
    k = len(state["fields"])
    state["forwarded"] = []
    state["statistics"] |= {
        "factor": unpack(state["statistics"]["factor"], float).reshape(1 + k, -1).tolist(),
        **{name: unpack(kept[name], float).reshape(-1, k).tolist() for name in ("rows", "pending")},
        **{
            name: unpack(kept[name], int).tolist()
            for name in ("timestamps_ms", "pending_timestamps_ms")
        },
    }
    return orjson.dumps(
        {
            **document,
            "format": 2,
            "sha256": snapshot.digest(state),
            "sketches": other["sketches"],
            "sketches_sha256": other["sketches_sha256"],
        }
    )


@pytest.mark.parametrize("what", ["formula", "fields", "learner"])
def test_a_state_of_something_else_is_refused_by_name_and_left_alone(make: Make, what: str) -> None:
    others = {
        "formula": {"FORMULA": "sales ~ tv + radio"},
        "fields": {"FIELDS": "tv,sales"},
        "learner": {"LEARNER": "sgd"},
    }
    world = make(partitions=1)
    world.send(events(EVENTS, seed=2))
    one = world.instance().start()
    wait_saved(world)
    assert one.stop() == 0
    said = refusal(one.start(**others[what]))
    assert f"the saved state is of another {what}" in said
    if what == "formula":
        again = world.instance("again", APPLICATION_ID=f"again-{world.own}", **others[what])
        again.start().wait_ready()
        wait_until(lambda: again.service.metric("riverline_model_events") > 0.9 * EVENTS)
    one.start()
    wait_saved(world)
    assert judge(world).faults == []


@pytest.mark.parametrize("what", ["format", "river"])
def test_a_state_of_another_version_is_refused_by_name(make: Make, what: str) -> None:
    world = make(partitions=1)
    world.send(events(100, seed=3))
    world.put(0, FOREIGN[what](document(world, 0, 100)))
    assert f"the saved state is of another {what}" in refusal(world.instance().start())


def test_where_every_snapshot_is_damaged_and_the_log_is_whole_it_is_learned_again(
    make: Make,
) -> None:
    world = make(partitions=2)
    one = world.instance().start().wait_ready()
    world.send(events(EVENTS, seed=4))
    wait_saved(world)
    one.kill()
    with world.admin() as admin:  # the changelog is lost, the group's offsets are not
        admin.delete_topics([world.settings.changelog_topic])
    for number in range(world.partitions):
        world.put(number, *(damage(document(world, number, 1000)) for damage in DAMAGES.values()))
    world.commit({0: 900, 1: 900})
    one.start()
    wait_saved(world)
    verdict = judge(world)
    tell(verdict)
    assert verdict.faults == []


def cut(world: World, number: int, offset: int) -> None:
    """What retention does: the log begins here."""
    with world.admin() as admin:
        admin.delete_records({TopicPartition(world.events_topic, number): offset})


def test_where_every_snapshot_is_damaged_and_the_log_is_not_whole_it_is_refused(make: Make) -> None:
    world = make(partitions=1)
    world.send(events(1000, seed=5))
    world.put(0, *(damage(document(world, 0, 500)) for damage in DAMAGES.values()))
    cut(world, 0, 100)
    said = refusal(world.instance().start())
    assert f"none of the {len(DAMAGES)} record(s) of the changelog is a valid snapshot" in said
    assert "begins at offset 100" in said


def test_a_log_that_was_shortened_at_its_beginning_is_refused(make: Make) -> None:
    world = make(partitions=1)
    world.send(events(1000, seed=6))
    world.put(0, document(world, 0, 500))
    cut(world, 0, 501)
    said = refusal(world.instance().start())
    assert "goes on at offset 500, the log begins at 501" in said


def test_a_log_that_was_shortened_behind_the_state_is_fine(make: Make) -> None:
    world = make(partitions=1)
    world.send(events(1000, seed=6))
    world.put(0, document(world, 0, 500))
    world.put(0, document(world, 0, 500, Part.HISTORY), part=Part.HISTORY)
    world.commit({0: 400})
    cut(world, 0, 500)
    world.instance().start()
    wait_saved(world)
    counts = saved(world.settings)[0][Part.REGRESSION].state["counts"]
    assert sum(counts.values()) == 1000  # from the state on, and not anew


def test_a_log_that_ends_before_the_state_is_refused(make: Make) -> None:
    world = make(partitions=1)
    world.send(events(1000, seed=7))
    world.put(0, rewrite(document(world, 0, 1000), position=1001))
    said = refusal(world.instance().start())
    assert "goes on at offset 1001, the log ends at 1000" in said


def test_a_log_that_loses_what_was_to_be_read_next_is_refused(make: Make) -> None:
    world = make(partitions=1)
    one = world.instance().start().wait_ready()
    world.send(events(1000, seed=8))
    wait_saved(world)
    one.pause()
    world.send(events(1000, seed=9))
    cut(world, 0, 1500)
    one.resume()
    assert "is no longer in the log" in refusal(one)


def recreate(world: World, partitions: int) -> None:
    with world.admin() as admin:
        admin.delete_topics([world.events_topic])
        wait_until(lambda: world.events_topic not in admin.list_topics())
    world.create(world.events_topic, partitions)


@pytest.mark.parametrize("meanwhile", [0, 3000])
def test_a_topic_recreated_while_it_was_away_is_refused(make: Make, meanwhile: int) -> None:
    world = make(partitions=1)
    world.send(events(1000, seed=10))
    one = world.instance().start()
    wait_saved(world)
    one.kill()
    recreate(world, partitions=1)
    world.send(events(meanwhile, seed=11))
    assert "was recreated" in refusal(one.start())


def test_a_topic_recreated_while_it_was_read_is_refused(make: Make) -> None:
    world = make(partitions=1)
    world.send(events(1000, seed=12))
    one = world.instance().start()
    wait_saved(world)
    recreate(world, partitions=1)
    world.send(events(3000, seed=13))
    said = refusal(one)
    assert "recreated" in said
    assert "recreated" in refusal(one.start())


def test_a_topic_recreated_with_fewer_partitions_is_refused(make: Make) -> None:
    world = make(partitions=2)
    world.send(events(100, seed=14))
    one = world.instance().start()
    wait_saved(world)
    one.kill()
    recreate(world, partitions=1)
    assert "1 partitions and its changelog" in refusal(one.start())


def test_partitions_that_are_added_are_learned_and_nothing_is_lost(make: Make) -> None:
    world = make(partitions=2)
    one = world.instance().start().wait_ready()
    world.send(events(EVENTS, seed=15))
    wait_saved(world)
    one.kill()  # so that it comes back to a group that need not share anew
    one.start().wait_ready()
    with world.admin() as admin:
        admin.create_partitions({world.events_topic: 4})
    world.partitions = 4
    world.send(events(EVENTS, seed=16))
    waited = wait_saved(world)
    verdict = judge(world)
    tell(f"grown partitions learned and saved {waited:.0f} s later; {verdict}")
    assert verdict.faults == []
    assert len(world.log_range(world.settings.changelog_topic)) == 4
    assert one.runs


def test_nothing_less_than_what_was_saved_is_ever_served(make: Make) -> None:
    world = make(partitions=4)
    one = world.instance().start().wait_ready()
    world.send(events(20_000, seed=17))
    wait_saved(world)
    asked = {"method": "predict", "params": {"tv": 50}}
    with closing(Asker(world)) as asker:
        saved = max(reply["events"] for reply in asker.ask_all(asked))
        one.kill()
        waiting = [asker.ask(number, asked) for number in asker.partitions]  # it will find them
        one.start()
        while not one.service.ready:
            waiting += [asker.ask(number, asked) for number in asker.partitions]
            asker.look()
        wait_until(lambda: asker.look().keys() >= set(waiting))
        served = [asker.answers[correlation_id] for correlation_id in waiting]
    tell(f"{saved} events saved; {len(served)} answers during the restart")
    assert [reply for reply in served if reply.get("events", 0) < saved] == []
