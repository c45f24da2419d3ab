"""Crash and resume, as a property: however the stream is cut, the state is the same to the bit."""

import random
from collections.abc import Sequence
from functools import cache

import numpy as np
import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from consumer.model.partition import Partition
from consumer.model.spec import ModelSpec
from consumer.state import snapshot
from consumer.state.restore import Followed, Found, Log, Valid, start
from contract.messages import REQUEST_OF_EVENT
from unit.records import FIELDS, Record, event, spec

REFUSED: tuple[bytes | None, ...] = (None, b"", b"x", b"[]", b'{"tv": 1}', b'{"tv": NaN}')
TOPIC_ID = "731a93a8-13c2-4484-86b9-2853c5457111"
LEARNERS = ["bayesian", "sgd"]


def stream(seed: int, count: int, scale: float) -> list[Record]:
    """Good events, some of them sent as requests and repeated, unlabelled and refused ones.

    Offsets have gaps, as after a transaction; timestamps go back and forth.
    """
    chance, rng = random.Random(seed), np.random.default_rng(seed)  # noqa: S311 - repeatable
    rows = rng.normal(0, scale, (count, len(FIELDS))).round(chance.choice([0, 1, 12])).tolist()
    records: list[Record] = []
    offset = 0
    for row in rows:
        offset += chance.choice([1, 1, 1, 2])
        headers: list[tuple[str, bytes | None]] = []
        value: bytes | None = event(row)
        match chance.randrange(12):
            case 0:
                value = chance.choice(REFUSED)
            case 1:
                value = orjson.dumps(dict(zip(FIELDS[:-1], row, strict=False)))
            case 2:
                headers = [(REQUEST_OF_EVENT, b"id-0:%d" % offset)]
            case 3 if any(record.headers for record in records):  # again, after a crash
                again = chance.choice([record for record in records[-300:] if record.headers])
                value, headers = again.value, list(again.headers)
        records.append(Record(offset, value, chance.randrange(2**41), headers=headers))
    return records


Saved = tuple[bytes, bytes]
"""A regression and a history, each of any position."""


def save(partition: Partition) -> Saved:
    regression = snapshot.write(snapshot.take(partition, 0, TOPIC_ID))
    return regression, snapshot.write(snapshot.take_history(partition, 0, TOPIC_ID))


def restore(made: ModelSpec, saved: Saved, records: Sequence[Record]) -> Partition:
    """As a service does that finds these two in the changelog."""
    (regression,), (history,) = (snapshot.read(value, 0, made) for value in saved)
    followed = Followed(
        Found(Valid(regression.position, TOPIC_ID, regression)),
        Found(Valid(history.position, TOPIC_ID, history.history(made))),
    )
    end = records[-1].offset + 1 if records else 0
    return start(made, Log("events", TOPIC_ID, 0, 0, end), followed)


def hashes(partition: Partition) -> tuple[str, str]:
    regression = snapshot.take(partition, 0, TOPIC_ID)
    return regression.sha256, snapshot.take_history(partition, 0, TOPIC_ID).sha256


def interrupted(
    made: ModelSpec, records: Sequence[Record], cuts: Sequence[tuple[int, bool, bool]]
) -> tuple[str, str]:
    """The hashes at the end of a fold that is cut into polls, and dies after some of them.

    Each cut says how many records a poll brings, whether the history is saved after it besides the
    regression, and whether the process then dies: it goes on from the last bytes of each part, and
    reads the last records again.
    """
    partition = Partition(made, records[0].offset if records else 0)
    saved, read = save(partition), 0
    number = 0
    while read < len(records):
        size, large, dies = cuts[number % len(cuts)] if cuts else (len(records), True, False)
        number += 1
        partition.fold(records[read : read + size])
        read += size
        if dies and number % 3 and number < 3 * len(cuts):  # else it might never come to its end
            partition = restore(made, saved, records)
            known = sum(record.offset < partition.reads_from for record in records)
            read = max(0, known - 1)  # what lies before is passed over
            partition.fold(records[read : read + size])
            read += size
        partition.view()  # whoever looks changes nothing
        regression = snapshot.write(snapshot.take(partition, 0, TOPIC_ID))
        saved = save(partition) if large and partition.has_whole_history else (regression, saved[1])
    return hashes(partition)


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("formula", ["sales ~ tv", "sales ~ .", "sales ~ 1"])
@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**32),
    count=st.integers(0, 400),
    scale=st.sampled_from([1e-6, 1.0, 100.0, 1e9]),
    cuts=st.lists(st.tuples(st.integers(1, 150), st.booleans(), st.booleans()), max_size=12),
)
@example(seed=1, count=0, scale=1.0, cuts=[])
@example(seed=2, count=64 * 2, scale=1.0, cuts=[(64, True, True)])
@example(
    seed=3, count=1200, scale=100.0, cuts=[(1, True, False), (499, False, True), (63, False, True)]
)
def test_a_stream_cut_anyhow_ends_in_the_same_bits(
    learner: str,
    formula: str,
    seed: int,
    count: int,
    scale: float,
    cuts: list[tuple[int, bool, bool]],
) -> None:
    made = spec(formula, learner)
    records = stream(seed, count, scale)
    whole = Partition(made, records[0].offset if records else 0)
    whole.fold(records)
    assert interrupted(made, records, cuts) == hashes(whole)


@pytest.mark.parametrize("learner", LEARNERS)
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_parts_of_any_two_positions_go_on_to_the_same_bits(
    learner: str, data: st.DataObject
) -> None:
    made, records, saved, whole = every_position(learner)
    positions = st.integers(0, len(records))
    regression, history = data.draw(positions), data.draw(positions)
    partition = restore(made, (saved[regression][0], saved[history][1]), records)
    counted = partition.counts.copy()
    known = [record for record in records if record.offset < partition.position]
    result = partition.fold(known)  # for the history alone
    assert (result.learned, result.unlabelled, result.refused, result.asking) == (0, 0, [], [])
    assert partition.counts == counted
    partition.fold(records)
    assert hashes(partition) == whole
    assert partition.has_whole_history
    assert [it.n for it in partition.statistics.history.sketches] == [
        partition.statistics.folded
    ] * 4


@cache
def every_position(
    learner: str,
) -> tuple[ModelSpec, list[Record], list[Saved], tuple[str, str]]:
    """A log, what could be saved before each of its records and at its end, and the hashes there.

    In it are good events, unlabelled and refused ones, and repeats of requests, which count for
    nothing.
    """
    made, records = spec("sales ~ tv + radio", learner), stream(seed=7, count=700, scale=10.0)
    whole = Partition(made)
    saved = [save(whole)]
    for record in records:
        whole.fold([record])
        saved.append(save(whole))
    kinds = [whole.counts[outcome] for outcome in made.outcomes]
    assert min(kinds) > 0
    assert sum(kinds) < len(records)
    return made, records, saved, hashes(whole)


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_snapshot_at_every_single_record_goes_on_to_the_same_bits(learner: str) -> None:
    made, records, saved, whole = every_position(learner)
    for values in saved[::7]:
        partition = restore(made, values, records)
        assert partition.reads_from == partition.position
        partition.fold(records)  # from the log's beginning: what it knows is passed over
        assert hashes(partition) == whole
