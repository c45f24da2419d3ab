"""From what a partition starts: every case there is."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest

from consumer.errors import NEW_ID, StateError
from consumer.model.partition import Partition
from consumer.model.replay import SavedHistory
from consumer.state.restore import Followed, Found, Log, Valid, start
from consumer.state.snapshot import Snapshot, take, take_history
from unit.records import Record, event, spec

ROWS = [(float(i), float(i % 7), float(i % 3), 2.0 * i + i % 5) for i in range(300)]
RECORDS = [Record(i, event(row), 1000 + i) for i, row in enumerate(ROWS)]
POSITION = 50
TOPIC, THEIRS, OTHER = "mobile-events", "id-of-the-topic", "id-of-another"


def at(position: int) -> Partition:
    """The partition after so many records."""
    partition = Partition(spec())
    partition.fold(RECORDS[:position])
    return partition


def regression(position: int = POSITION, topic_id: str = THEIRS) -> Valid[Snapshot]:
    return Valid(position, topic_id, take(at(position), 3, topic_id))


def history(position: int = POSITION, topic_id: str = THEIRS) -> Valid[SavedHistory]:
    return Valid(position, topic_id, at(position).saved_history())


def log(beginning: int, end: int, topic_id: str = THEIRS) -> Log:
    return Log(TOPIC, topic_id, 3, beginning, end)


def followed(
    regression: Valid[Snapshot] | None = None, history: Valid[SavedHistory] | None = None
) -> Followed:
    return Followed(Found(regression), Found(history))


def test_what_the_present_model_did_not_write_is_to_be_written_anew() -> None:
    written = regression()
    assert Found(written).current is written
    assert Found(replace(written, is_current=False)).current is None
    nothing: Found[Snapshot] = Found()
    assert nothing.current is None


def hashes(partition: Partition) -> tuple[str, str]:
    return take(partition, 3, THEIRS).sha256, take_history(partition, 3, THEIRS).sha256


Case = tuple[Valid[Snapshot] | None, str | None, int, Log]

# Beginnings and ends of logs: before, at and behind the state's position, and empty ones.
RANGES = [(b, e) for b, e in product((0, 1, 49, 50, 51, 100), repeat=2) if b <= e]


def cases() -> Iterator[Case]:
    snapshots = (None, regression(), regression(topic_id=OTHER), regression(topic_id=""))
    for latest, foreign, damaged, (beginning, end), topic_id in product(
        snapshots, (None, "it is of another formula"), (0, 1, 7), RANGES, (THEIRS, "")
    ):
        yield latest, foreign, damaged, log(beginning, end, topic_id)


def due(
    latest: Valid[Snapshot] | None, foreign: str | None, damaged: int, records: Log
) -> int | str:
    """The decision table: the position to go on at, or what the refusal says."""
    match latest:
        case Valid(topic_id=topic) if {topic, records.topic_id} == {THEIRS, OTHER}:
            decided: int | str = "the topic was recreated"
        case Valid() if records.end < POSITION:
            decided = "the log was shortened at its end"
        case Valid() if records.beginning > POSITION:
            decided = "the log was shortened at its beginning"
        case Valid():
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
        found = Followed(Found(latest, foreign, damaged))
        if isinstance(decided, int):
            partition = start(spec(), records, found)
            assert partition.position == partition.reads_from == decided
            learned = POSITION if latest is not None else 0
            assert partition.statistics.n == sum(partition.counts.values()) == learned
            continue
        with pytest.raises(StateError) as refused:
            start(spec(), records, found)
        assert str(refused.value).startswith(f"{TOPIC}-3: {decided}")
        assert str(refused.value).endswith(NEW_ID) or decided == foreign
    assert len(seen) == 12  # 6 positions, 6 refusals


def test_a_valid_snapshot_stands_whatever_lies_beside_it() -> None:
    for foreign, damaged in product((None, "foreign"), (0, 3)):
        found = Followed(
            Found(regression(200), foreign, damaged), Found(history(100), foreign, damaged)
        )
        partition = start(spec(), log(0, 300), found)
        assert (partition.position, partition.reads_from) == (200, 100)


@pytest.mark.parametrize(
    ("regressions", "histories", "reads_from"),
    [
        (200, 200, 200),
        (200, 100, 100),
        (200, 192, 200),  # it has every complete block: nothing is read again
        (200, 191, 191),
        (100, 200, 100),
        (300, 1, 1),
        (63, 0, 63),
        (None, 200, 0),
        (200, None, 0),
        (50, None, 50),  # there is no complete block yet
        (None, None, 0),
    ],
)
def test_reading_begins_where_the_part_that_lacks_most_goes_on(
    regressions: int | None, histories: int | None, reads_from: int
) -> None:
    found = followed(
        None if regressions is None else regression(regressions),
        None if histories is None else history(histories),
    )
    partition = start(spec(), log(0, 300), found)
    assert partition.reads_from == reads_from
    counted = partition.counts.copy()
    result = partition.fold(RECORDS[: partition.position])  # nothing of it counts again
    assert (result.learned, result.asking, partition.counts) == (0, [], counted)
    partition.fold(RECORDS[partition.reads_from :])
    assert hashes(partition) == hashes(folded_whole())


def folded_whole() -> Partition:
    return at(len(RECORDS))


@pytest.mark.parametrize(
    ("found", "records", "refusal"),
    [
        (followed(regression(200), history(100, OTHER)), log(0, 300), "the topic was recreated"),
        (followed(regression(200), history(250)), log(0, 220), "the log was shortened at its end"),
        (
            followed(regression(200), history(100)),
            log(101, 300),
            "the log was shortened at its beginning (retention): the saved history goes on at",
        ),
        (
            Followed(Found(regression(200)), Found(damaged=2)),
            log(1, 300),
            "none of the 2 record(s) of the changelog is a valid snapshot of the history",
        ),
        (
            Followed(Found(regression(200)), Found(foreign="the saved state is of another river")),
            log(0, 300),
            "the saved state is of another river",
        ),
        (followed(None, history(200)), log(1, 300), "the changelog holds the history and no"),
    ],
)
def test_a_part_that_cannot_be_had_is_refused(found: Followed, records: Log, refusal: str) -> None:
    with pytest.raises(StateError) as refused:
        start(spec(), records, found)
    assert str(refused.value).startswith(f"{TOPIC}-3: {refusal}")


def test_a_history_that_is_not_needed_may_be_older_than_the_log() -> None:
    partition = start(spec(), log(199, 300), followed(regression(200), history(193)))
    assert partition.reads_from == 200


def test_a_history_whose_records_are_gone_from_the_midst_of_the_log_is_refused() -> None:
    partition = start(spec(), log(0, 300), followed(regression(200), history(100)))
    partition.fold(RECORDS[130:200])
    with pytest.raises(StateError, match="the saved history goes on at offset 200, and the log"):
        partition.fold(RECORDS[200:])


def test_what_is_restored_goes_on_to_the_bit() -> None:
    restored = start(spec(), log(10, 300), followed(regression(), history()))
    restored.fold(RECORDS[POSITION:])
    assert hashes(restored) == hashes(folded_whole())


def test_a_state_that_its_digest_vouches_for_and_nobody_can_take_up_is_refused() -> None:
    valid = regression()
    broken = replace(valid.content, state=valid.content.state | {"statistics": {}})
    with pytest.raises(StateError, match="the state cannot be taken up") as refused:
        start(spec(), log(0, 100), followed(replace(valid, content=broken)))
    assert str(refused.value).endswith(NEW_ID)


def test_without_anything_saved_learning_begins_where_the_log_does() -> None:
    partition = start(spec(), log(40, 90), Followed())
    assert isinstance(partition, Partition)
    assert (partition.position, partition.statistics.n) == (40, 0)
