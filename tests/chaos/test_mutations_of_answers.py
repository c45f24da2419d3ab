"""A harness that cannot fail shows nothing: safeguards of answering are taken out, and it fails."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import time

import pytest

from chaos.asker import Asker
from chaos.conftest import Make
from chaos.world import World, events, tell
from support.service import LEARNED
from support.waiting import wait_until
from unit.batches import Crafted, craft, write

pytestmark = pytest.mark.slow
EVENTS = 200
QUESTIONS = 40
ANSWERED = 'riverline_requests_total{method="predict",outcome="answered"}'
HANDLED = "riverline_answer_seconds_count"
QUESTION = {"method": "predict", "params": {"tv": 50.0}}


@contextmanager
def taught(make: Make, mutation: str) -> Iterator[tuple[World, Asker]]:
    """A mutant that has learned, and somebody who asks it."""
    world = make(partitions=1)
    one = world.instance().start(mutation).wait_ready()
    world.send(events(EVENTS, seed=6))
    wait_until(lambda: one.service.metric("riverline_model_events") > EVENTS / 2)
    with Asker(world) as asker:
        yield world, asker


@pytest.mark.parametrize(
    ("mutation", "answered"), [("poisoned", True), ("poison-not-stepped-over", False)]
)
def test_a_request_that_the_client_cannot_read_ends_the_service_where_it_is_not_stepped_over(
    make: Make, mutation: str, *, answered: bool
) -> None:
    with taught(make, mutation) as (world, asker):
        service = world.instance().service
        asker.ask(0, {"method": "poison"})
        after = asker.ask(0, QUESTION)
        wait_until(lambda: after in asker.look() or not service.runs)
        assert (after in asker.answers) == service.runs == answered


@pytest.mark.parametrize(
    ("mutation", "lost"), [("direct-refused", False), ("direct-refusal-unheeded", True)]
)
def test_replies_that_kafka_does_not_take_are_lost_where_that_is_not_heeded(
    make: Make, mutation: str, *, lost: bool
) -> None:
    with taught(make, mutation) as (world, asker):
        service = world.instance().service
        asked = set()
        for _ in range(QUESTIONS):
            asked.add(asker.ask(0, QUESTION))
            wait_until(lambda: service.metric(ANSWERED) == len(asked))
        assert world.instance().stop() == 0  # what is on its way arrives before
        missing = asked - asker.all_that_came().keys()
        tell(f"{mutation}: {len(missing)} of {QUESTIONS} replies are missing")
        assert bool(missing) == lost


@pytest.mark.parametrize(
    ("mutation", "lost"), [("replies-withheld", False), ("committed-unanswered", True)]
)
def test_a_request_is_never_answered_where_it_is_committed_before_its_reply(
    make: Make, mutation: str, *, lost: bool
) -> None:
    with taught(make, mutation) as (world, asker):
        one = world.instance()
        first = asker.ask(0, QUESTION)
        wait_until(lambda: one.service.metric(HANDLED) == 1)
        world.send([b"{}"], world.names["REQUESTS_TOPIC"], partition=1)  # nothing is owed for it
        wait_until(lambda: committed(world).get(1) == 1)  # and 0 in the same commit, if it is
        one.kill()
        one.start().wait_ready()
        second = asker.ask(0, QUESTION)
        wait_until(lambda: second in asker.look())
        assert one.stop() == 0
        assert (first not in asker.all_that_came()) == lost


def committed(world: World) -> dict[int, int]:
    """The responder's offsets."""
    group = f"{world.settings.application_id}-responder"
    with world.admin() as admin:
        found = admin.list_group_offsets([group])[group]
    return {at.partition: it.offset for at, it in found.items()}


@pytest.mark.parametrize(("mutation", "learned"), [("no-mutation", 4), ("neighbours-lost", 0)])
def test_the_neighbours_of_a_record_that_cannot_be_read_are_lost_where_the_batch_is_passed_over(
    make: Make, mutation: str, learned: int
) -> None:
    world = make(partitions=1)
    now = int(time() * 1000)
    event = b'{"tv": 1, "radio": 2, "newspaper": 3, "sales": 4}'
    records = [Crafted(delta, event, headers=[(b"\xff", b"")] * (delta == 2)) for delta in range(5)]
    batch = craft(records, first_timestamp=now, max_timestamp=now)
    assert write(world.servers, world.events_topic, batch) == 0
    world.send([event])
    one = world.instance().start(mutation).wait_ready()
    wait_until(lambda: one.service.metric("riverline_events_behind") == 0)
    wait_until(lambda: one.service.metric(LEARNED) > 0)  # the one after the batch
    assert one.service.metric(LEARNED) == learned + 1
