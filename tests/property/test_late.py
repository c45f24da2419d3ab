"""Late labels and repeats: counts against a plain pass with dictionaries, states to the bit."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.decode.formula import parse_formula
from consumer.model.estimators.estimator import combine
from consumer.model.partition import Partition
from consumer.model.spec import ModelSpec
from consumer.state import snapshot
from unit.late import Offline, late_spec, messy_log
from unit.records import Record

FIELDS = ("y", "a", "b")
LOGS = st.tuples(st.integers(0, 2**32), st.integers(1, 300), st.sampled_from([2, 20, 200]))
ABSENT = st.sampled_from([None, 0.0])
LIMITS = st.sampled_from([3, 1_000_000])


def folded(spec: ModelSpec, records: Sequence[Record], cuts: Sequence[int]) -> Partition:
    """A fold of the log, in polls of these sizes."""
    partition, at, number = Partition(spec), 0, 0
    while at < len(records):
        size = cuts[number % len(cuts)] if cuts else len(records)
        partition.fold(records[at : at + size])
        partition.view()  # whoever looks changes nothing
        at, number = at + size, number + 1
    return partition


def digest(partition: Partition) -> tuple[str, str]:
    regression = snapshot.take(partition, 0, "")
    return regression.sha256, snapshot.take_history(partition, 0, "").sha256


@settings(deadline=None, max_examples=60)
@given(log=LOGS, absent=ABSENT, limit=LIMITS, cuts=st.lists(st.integers(1, 90), max_size=5))
def test_counts_and_rows_are_those_of_a_plain_pass(
    log: tuple[int, int, int], absent: float | None, limit: int, cuts: list[int]
) -> None:
    seed, events, within = log
    records = messy_log(seed, events, within)
    plain = Offline(1000 * within, absent, limit).read(records)
    spec = late_spec(within=f"{within}s", absent=absent, limit=limit)
    partition = Partition(spec)
    result = partition.fold(records)
    assert partition.counts == plain.outcomes
    assert sum(partition.counts.values()) == len(records)
    assert Counter(it.why.reason for it in result.refused) == plain.reasons
    by_id = partition.view().by_id
    assert by_id is not None
    assert (by_id.expiries.expired, by_id.expiries.by_absence) == (plain.expired, plain.by_absence)
    window, _ = partition.statistics.view().window()
    assert window.tolist() == [list(row) for row in plain.rows[-500:]]
    assert digest(folded(spec, records, cuts)) == digest(partition)


@settings(deadline=None, max_examples=30)
@given(log=LOGS, absent=ABSENT)
def test_the_state_is_that_of_the_clean_log(
    log: tuple[int, int, int], absent: float | None
) -> None:
    seed, events, within = log
    records = messy_log(seed, events, within)
    rows = Offline(1000 * within, absent).read(records).rows
    late = Partition(late_spec(within=f"{within}s", absent=absent))
    late.fold(records)
    clean = Partition(ModelSpec(FIELDS, parse_formula("y ~ a + b", FIELDS, "y")))
    clean.fold(
        [Record(n, orjson.dumps(dict(zip(FIELDS, it, strict=True)))) for n, it in enumerate(rows)]
    )
    one, other = late.statistics.view(), clean.statistics.view()
    assert one.n == other.n
    assert one.pending == other.pending
    np.testing.assert_allclose(one.blocks.whole, other.blocks.whole)
    np.testing.assert_allclose(one.blocks.factor, other.blocks.factor, rtol=1e-9, atol=1e-9)
    if clean.view().coefficients:
        np.testing.assert_allclose(
            combine([late.view().estimate]), combine([clean.view().estimate]), rtol=1e-9, atol=1e-9
        )


def served(plain: Offline) -> list[tuple[float, float]]:
    """Of each row the target, and the prediction at its event's place by plain least squares.

    NaN where too few events were known there.
    """
    learned_at = [at for _, at in plain.places]
    made = []
    for (y, *x), (offset, _) in zip(plain.rows, plain.places, strict=True):
        known = np.array(plain.rows[: sum(at <= offset for at in learned_at)]).reshape(-1, 3)
        design = np.column_stack((np.ones(len(known)), known[:, 1:]))
        prediction = math.nan
        if len(known) > len(FIELDS) and np.linalg.matrix_rank(design) == len(FIELDS):
            coefficients, *_ = np.linalg.lstsq(design, known[:, 0], rcond=None)
            prediction = float(coefficients @ [1.0, *x])
        made.append((y, prediction))
    return made


@settings(deadline=None, max_examples=25)
@given(log=LOGS, absent=ABSENT)
def test_an_event_is_scored_by_what_was_known_at_its_own_place(
    log: tuple[int, int, int], absent: float | None
) -> None:
    seed, events, within = log
    records = messy_log(seed, events, within)
    plain = Offline(1000 * within, absent).read(records)
    partition = Partition(late_spec(within=f"{within}s", absent=absent))
    partition.fold(records)
    sums = partition.view().errors.errors
    errors = [y - said for y, said in served(plain) if not math.isnan(said)]
    assert sums.n == len(errors)
    assert sums.absolute == pytest.approx(np.abs(errors).sum(), rel=1e-7, abs=1e-7)
    assert sums.squared == pytest.approx(np.square(errors).sum(), rel=1e-7, abs=1e-7)
