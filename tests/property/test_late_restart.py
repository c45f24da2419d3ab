"""A partition with ids that is taken up from its saved parts goes on as if it had never stopped."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from consumer.errors import StateError
from consumer.model.partition import Partition
from consumer.model.replay import SavedHistory
from consumer.model.spec import ModelSpec
from consumer.state import snapshot
from consumer.state.ids import records as segments
from consumer.state.restore import Followed, Found, Log, Valid, start
from consumer.state.snapshot import Snapshot
from contract.schemas import load_schema
from unit.late import late_spec, messy_log
from unit.records import Record

validator = Draft202012Validator(load_schema("snapshot"))
STRIDE = 90
"""Offsets between two records: then segments end every 22 records or so, as after transactions."""


@dataclass
class Stored:
    """What the changelog holds of a partition."""

    regression: Snapshot | None = None
    history: Snapshot | None = None
    segments: dict[int, bytes] = field(default_factory=dict)

    def keep(self, partition: Partition, spec: ModelSpec) -> None:
        """What was sealed."""
        assert partition.by_id is not None
        for sealed in partition.by_id.take_sealed():
            value = segments.write(sealed, spec, 0, "id")
            validator.validate(orjson.loads(value))
            # Whoever seals a segment anew seals the same bits.
            assert self.segments.setdefault(sealed.begin, value) == value

    def followed(self, spec: ModelSpec) -> Followed:
        """What a follower knows of it."""
        regression: Found[Snapshot] = Found()
        history: Found[SavedHistory] = Found()
        if self.regression is not None:
            (read,) = snapshot.read(snapshot.write(self.regression), 0, spec)
            regression = Found(Valid(read.position, "id", read))
        if self.history is not None:
            (read,) = snapshot.read(snapshot.write(self.history), 0, spec)
            history = Found(Valid(read.position, "id", read.history(spec)))
        return Followed(regression, history, dict(self.segments))


def sparse(log: Sequence[Record]) -> list[Record]:
    return [replace(record, offset=record.offset * STRIDE) for record in log]


def log_of(records: Sequence[Record], beginning: int = 0) -> Log:
    return Log("events", "id", 0, beginning, records[-1].offset + 1)


def taken(partition: Partition) -> tuple[str, str]:
    return (
        snapshot.take(partition, 0, "id").sha256,
        snapshot.take_history(partition, 0, "id").sha256,
    )


def read_on(partition: Partition, records: Sequence[Record], stored: Stored) -> None:
    """From where the partition needs it, in polls of 50."""
    left = [record for record in records if record.offset >= partition.reads_from]
    for at in range(0, len(left), 50):
        partition.fold(left[at : at + 50])
        stored.keep(partition, partition.spec)


@settings(deadline=None, max_examples=20)
@given(
    seed=st.integers(0, 2**32),
    events=st.integers(100, 300),
    within=st.sampled_from([2, 20, 200]),
    absent=st.sampled_from([None, 0.0]),
    shares=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=4),
)
def test_to_the_bit_wherever_it_was_saved(
    seed: int, events: int, within: int, absent: float | None, shares: list[tuple[float, float]]
) -> None:
    spec = late_spec(within=f"{within}s", absent=absent)
    records = sparse(messy_log(seed, events, within))
    uninterrupted = Partition(spec)
    uninterrupted.fold(records)
    stored = Stored()
    partition = start(spec, log_of(records), stored.followed(spec))
    for regression, history in shares:
        stop = partition.position + int(regression * (records[-1].offset + 1 - partition.position))
        saved = partition.position + int(history * (stop - partition.position))
        for place in (saved, stop):
            left = [it for it in records if partition.reads_from <= it.offset < place]
            partition.fold(left)
            stored.keep(partition, spec)
            if place == saved and partition.has_whole_history:
                stored.history = snapshot.take_history(partition, 0, "id")
        stored.regression = snapshot.take(partition, 0, "id")
        partition = start(spec, log_of(records), stored.followed(spec))
        assert snapshot.take(partition, 0, "id").sha256 == stored.regression.sha256
    read_on(partition, records, stored)
    assert taken(partition) == taken(uninterrupted)


def stored_midway(spec: ModelSpec, records: Sequence[Record]) -> Stored:
    stored, partition = Stored(), Partition(spec)
    read_on(partition, records[: len(records) // 2], stored)
    stored.regression = snapshot.take(partition, 0, "id")
    stored.history = snapshot.take_history(partition, 0, "id")
    return stored


@pytest.mark.parametrize("damage", ["flipped", "missing", "foreign"])
def test_a_broken_chain_is_learned_again_or_refused_by_name(damage: str) -> None:
    spec = late_spec(within="200s")
    records = sparse(messy_log(7, 300, 200))
    uninterrupted = Partition(spec)
    uninterrupted.fold(records)
    stored = stored_midway(spec, records)
    assert len(stored.segments) > 3
    begin = sorted(stored.segments)[1]
    if damage == "missing":
        del stored.segments[begin]
    elif damage == "flipped":
        value = stored.segments[begin]
        at = value.index(b'"ids":"') + 9
        stored.segments[begin] = value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]
    else:
        other = late_spec(within="100s")
        sealed = segments.read(stored.segments[begin], 0, spec, "id")
        stored.segments[begin] = segments.write(sealed, other, 0, "id")
    partition = start(spec, log_of(records), stored.followed(spec))
    assert partition.reads_from == 0
    read_on(partition, records, Stored())
    assert taken(partition) == taken(uninterrupted)
    with pytest.raises(StateError, match="cannot be learned again"):
        start(spec, log_of(records, beginning=records[9].offset), stored.followed(spec))
