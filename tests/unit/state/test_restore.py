"""From what a partition starts: every case there is."""

from collections.abc import Iterator
from itertools import product

import pytest

from consumer.errors import NEW_ID, StateError
from consumer.model.partition import Partition
from consumer.state.restore import Log, start
from consumer.state.snapshot import Snapshot, take
from unit.records import Record, event, folded, spec

ROWS = [(float(i), float(i % 7), float(i % 3), 2.0 * i + i % 5) for i in range(100)]
POSITION = 50
TOPIC, THEIRS, OTHER = "mobile-events", "id-of-the-topic", "id-of-another"


def snapshot(topic_id: str = THEIRS) -> Snapshot:
    """The state after 50 events."""
    return take(folded(map(event, ROWS[:POSITION])), 3, topic_id)


def log(beginning: int, end: int, topic_id: str = THEIRS) -> Log:
    return Log(TOPIC, topic_id, 3, beginning, end)


Case = tuple[Snapshot | None, str | None, int, Log]

# Beginnings and ends of logs: before, at and behind the state's position, and empty ones.
RANGES = [(b, e) for b, e in product((0, 1, 49, 50, 51, 100), repeat=2) if b <= e]


def cases() -> Iterator[Case]:
    snapshots = (None, snapshot(), snapshot(OTHER), snapshot(""))
    for latest, foreign, damaged, (beginning, end), topic_id in product(
        snapshots, (None, "it is of another formula"), (0, 1, 7), RANGES, (THEIRS, "")
    ):
        yield latest, foreign, damaged, log(beginning, end, topic_id)


def due(latest: Snapshot | None, foreign: str | None, damaged: int, records: Log) -> int | str:
    """The decision table: the position to go on at, or what the refusal says."""
    match latest:
        case Snapshot(topic_id=topic) if {topic, records.topic_id} == {THEIRS, OTHER}:
            decided: int | str = "the topic was recreated"
        case Snapshot() if records.beginning > POSITION:
            decided = "the log was shortened at its beginning"
        case Snapshot() if records.end < POSITION:
            decided = "the log was shortened at its end"
        case Snapshot():
            decided = POSITION
        case None if foreign is not None:
            decided = foreign
        case None if damaged and records.beginning > 0:
            decided = f"none of the {damaged} record(s) of the changelog is a valid snapshot"
        case None:
            decided = records.beginning
    return decided


def test_every_case_is_decided_as_the_table_says() -> None:
    seen = set()
    for latest, foreign, damaged, records in cases():
        decided = due(latest, foreign, damaged, records)
        seen.add(decided)
        if isinstance(decided, int):
            partition = start(spec(), records, latest, foreign, damaged)
            assert partition.position == decided
            learned = POSITION if latest is not None else 0
            assert partition.statistics.n == sum(partition.counts.values()) == learned
            continue
        with pytest.raises(StateError) as refused:
            start(spec(), records, latest, foreign, damaged)
        assert str(refused.value).startswith(f"{TOPIC}-3: {decided}")
        assert str(refused.value).endswith(NEW_ID) or decided == foreign
    assert len(seen) == 12  # 6 positions, 6 refusals


def test_a_valid_snapshot_stands_whatever_lies_beside_it() -> None:
    for foreign, damaged in product((None, "foreign"), (0, 3)):
        partition = start(spec(), log(0, 100), snapshot(), foreign, damaged)
        assert partition.position == POSITION


def test_what_is_restored_goes_on_to_the_bit() -> None:
    rest = [Record(i, event(row)) for i, row in enumerate(ROWS)][POSITION:]
    restored = start(spec(), log(10, 100), snapshot(), None, 0)
    restored.fold(rest)
    whole = folded(map(event, ROWS))
    assert take(restored, 3, THEIRS).sha256 == take(whole, 3, THEIRS).sha256


def test_a_state_that_its_digest_vouches_for_and_nobody_can_take_up_is_refused() -> None:
    valid = snapshot()
    broken = Snapshot(3, POSITION, THEIRS, valid.sha256, valid.state | {"statistics": {}}, {})
    with pytest.raises(StateError, match="the state cannot be taken up") as refused:
        start(spec(), log(0, 100), broken, None, 0)
    assert str(refused.value).endswith(NEW_ID)


def test_without_anything_saved_learning_begins_where_the_log_does() -> None:
    partition = start(spec(), log(40, 90), None, None, 0)
    assert isinstance(partition, Partition)
    assert (partition.position, partition.statistics.n) == (40, 0)
