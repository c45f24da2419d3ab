"""Crash and resume, as a property: however the stream is cut, the state is the same to the bit."""

import random
from collections.abc import Sequence

import numpy as np
import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from consumer.model.partition import Partition
from consumer.model.spec import ModelSpec
from consumer.state import snapshot
from contract.messages import REQUEST_OF_EVENT, Outcome
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


def interrupted(
    made: ModelSpec, records: Sequence[Record], cuts: Sequence[tuple[int, bool]]
) -> str:
    """The hash at the end of a fold that is cut into polls, and dies after some of them.

    Each cut says how many records a poll brings, and whether the process then dies: it goes on
    from the last snapshot's bytes, and reads the last records again.
    """
    partition = Partition(made, records[0].offset if records else 0)
    saved, read, number = save(partition), 0, 0
    while read < len(records):
        size, dies = cuts[number % len(cuts)] if cuts else (len(records), False)
        number += 1
        partition.fold(records[read : read + size])
        read += size
        if dies and number % 3:
            partition = snapshot.read(saved, 0, made).restore(made)
            known = sum(record.offset < partition.position for record in records)
            read = max(0, known - 1)  # what lies before the position is passed over
            partition.fold(records[read : read + size])
            read += size
        partition.view()  # whoever looks changes nothing
        saved = save(partition)
    return snapshot.read(save(partition), 0, made).sha256


def save(partition: Partition) -> bytes:
    return snapshot.write(snapshot.take(partition, 0, TOPIC_ID), {})


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("formula", ["sales ~ tv", "sales ~ .", "sales ~ 1"])
@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**32),
    count=st.integers(0, 400),
    scale=st.sampled_from([1e-6, 1.0, 100.0, 1e9]),
    cuts=st.lists(st.tuples(st.integers(1, 150), st.booleans()), max_size=12),
)
@example(seed=1, count=0, scale=1.0, cuts=[])
@example(seed=2, count=64 * 2, scale=1.0, cuts=[(64, True)])
@example(seed=3, count=1200, scale=100.0, cuts=[(1, False), (499, True), (63, True)])
def test_a_stream_cut_anyhow_ends_in_the_same_bits(
    learner: str, formula: str, seed: int, count: int, scale: float, cuts: list[tuple[int, bool]]
) -> None:
    made = spec(formula, learner)
    records = stream(seed, count, scale)
    whole = Partition(made, records[0].offset if records else 0)
    whole.fold(records)
    due = snapshot.take(whole, 0, TOPIC_ID).sha256
    assert interrupted(made, records, cuts) == due


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_snapshot_at_every_single_record_goes_on_to_the_same_bits(learner: str) -> None:
    made = spec("sales ~ tv + radio", learner)
    records = stream(seed=7, count=200, scale=10.0)
    whole = Partition(made)
    saved = [save(whole)]
    for record in records:
        whole.fold([record])
        saved.append(save(whole))
    due = snapshot.take(whole, 0, TOPIC_ID).sha256
    for value in saved:
        partition = snapshot.read(value, 0, made).restore(made)
        partition.fold(records)  # from the log's beginning: what it knows is passed over
        assert snapshot.take(partition, 0, TOPIC_ID).sha256 == due
    kinds = [whole.counts[outcome] for outcome in Outcome]
    assert min(kinds) > 0
    assert sum(kinds) < len(records)  # repeats of requests count for nothing
