"""kafka-python's traps in the bare client, and our guards holding (docs/FAILURES.md).

Where a trap is not there any more, its test fails: then the guard may go.
"""

import subprocess
import sys
from contextlib import closing, suppress
from time import monotonic
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import KafkaError

from chaos.conftest import Make
from chaos.world import World, events, tell
from consumer.client import connections, producers
from consumer.client.poll import poll
from consumer.decode.event import Unreadable
from support.waiting import wait_until

pytestmark = pytest.mark.slow

EVENT = b'{"tv": 230.1, "radio": 37.8, "newspaper": 69.2, "sales": 22.1}'
SECONDS = 6

BARE_CLIENT = """
import sys
from kafka import KafkaConsumer, TopicPartition
consumer = KafkaConsumer(
    bootstrap_servers=sys.argv[1], group_id=None, auto_offset_reset="earliest"
)
consumer.assign([TopicPartition(sys.argv[2], 0)])
assert not any(name.partition(".")[0] == "consumer" for name in sys.modules)
while True:
    try:
        for records in consumer.poll(timeout_ms=200).values():
            for record in records:
                print(record.offset, flush=True)
    except Exception as error:
        print(type(error).__name__, flush=True)
"""


class _BadName(str):
    """A header key that is not UTF-8 on the wire."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return b"\xff\xfe"


def send_a_pill_in_the_middle(world: World) -> None:
    """Five records in one batch, the third with a bad header key; then one more."""
    with closing(KafkaProducer(bootstrap_servers=world.servers, linger_ms=500)) as producer:
        pill = [(_BadName("x"), b"")]
        for headers in ([], [], pill, [], []):
            producer.send(world.events_topic, value=EVENT, partition=0, headers=headers)
        producer.flush()
        producer.send(world.events_topic, value=EVENT, partition=0).get(timeout=30)


def test_the_bare_client_never_gets_past_a_header_key_that_is_not_utf_8(make: Make) -> None:
    world = make(partitions=1)
    send_a_pill_in_the_middle(world)
    bare = [sys.executable, "-c", BARE_CLIENT, world.servers, world.events_topic]
    with pytest.raises(subprocess.TimeoutExpired) as ended:
        subprocess.run(bare, capture_output=True, check=True, timeout=SECONDS)
    seen = (ended.value.stdout or b"").decode().split()
    tell(f"the bare client in {SECONDS} s: {seen}")
    offsets = [int(word) for word in seen if word.isdecimal()]
    assert max(offsets, default=-1) < 2
    assert len(seen) > len(offsets)  # it said so, once


def test_with_our_guard_all_the_others_come_through(make: Make) -> None:
    world = make(partitions=1)
    send_a_pill_in_the_middle(world)
    consumer = connections.changelog_consumer(world.settings)
    records: list[Any] = []

    def read() -> bool:
        polled = poll(consumer, 100)
        for batch in polled.values():
            records.extend(batch)
        return len(records) == 6

    with closing(consumer):
        consumer.assign([TopicPartition(world.events_topic, 0)])
        wait_until(read)
    assert [record.offset for record in records] == list(range(6))
    assert [isinstance(record.value, Unreadable) for record in records] == [False] * 2 + [True] + [
        False
    ] * 3
    assert EVENT in records[2].value


@pytest.mark.parametrize("ours", [False, True])
def test_one_record_that_the_broker_rejects_kills_the_idempotent_producer_and_not_ours(
    make: Make,
    ours: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    world = make(partitions=1)
    small = f"small-{world.own}"
    world.create(small, 1, **{"max.message.bytes": "1000"})
    producer = (
        producers.producer(world.settings, role="trap")
        if ours
        else KafkaProducer(bootstrap_servers=world.servers, enable_idempotence=True)
    )

    def fate(value: bytes) -> str:
        try:
            producer.send(small, value=value).get(timeout=10)
        except KafkaError as error:
            return type(error).__name__
        return "arrived"

    with closing(producer):
        producers.introduce(producer, small, 10.0)  # ours does not wait for a topic when it sends
        assert fate(b"x") == "arrived"
        too_large = fate(b"x" * 10_000)
        after = [fate(b"x") for _ in range(3)]
    tell(f"{'ours' if ours else 'idempotent'}: too large: {too_large}; after it: {after}")
    assert too_large != "arrived"
    assert (after == ["arrived"] * 3) == ours


def test_a_loop_that_hangs_ends_the_process(make: Make) -> None:
    world = make(partitions=1)
    one = world.instance().start("hanging", "3")
    assert one.wait_ended() == 1
    assert "learner has not turned for" in one.last_line
    tell(one.last_line)


def test_a_process_that_was_suspended_is_not_ended_by_its_watchdog(make: Make) -> None:
    world = make(partitions=1)
    one = world.instance().start("impatient").wait_ready()  # silence counts after 3 s
    one.pause()
    paused = monotonic()
    wait_until(lambda: monotonic() - paused > 6)
    one.resume()
    world.send(events(1000, seed=1))
    wait_until(lambda: one.service.metric("riverline_model_events") > 900)
    one.wait_ready()  # it asks anew where the logs end
    assert one.runs


@pytest.mark.parametrize("ours", [False, True])
def test_a_leader_whose_topic_grows_while_its_polls_are_short_is_lost_and_ours_is_not(
    make: Make,
    ours: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    world = make(partitions=1)
    topic = world.events_topic

    def turn(milliseconds: int) -> None:
        if ours:
            poll(consumer, milliseconds)
        else:
            consumer.poll(timeout_ms=milliseconds)

    def has(partitions: int, milliseconds: int) -> bool:
        turn(milliseconds)
        return len(consumer.assignment()) == partitions

    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=world.servers,
        group_id=f"trap-{world.own}",
        partition_assignment_strategy=[CooperativeStickyAssignor],
        metadata_max_age_ms=200,
    )
    with closing(consumer), closing(KafkaAdminClient(bootstrap_servers=world.servers)) as admin:
        wait_until(lambda: has(1, 200))
        admin.create_partitions({topic: 4})
        began = monotonic()
        while monotonic() - began < SECONDS and not has(4, 1):  # a join takes longer than that
            pass
        got = [len(consumer.assignment())]
        with suppress(TimeoutError):
            wait_until(lambda: has(4, 500), seconds=SECONDS)
        got.append(len(consumer.assignment()))
    tell(f"{'ours' if ours else 'bare'}: partitions after short polls, after long ones: {got}")
    assert (got[-1] == 4) == ours
