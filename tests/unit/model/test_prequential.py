"""Prequential errors are those of river's metrics, and add up."""

from typing import Any

import numpy as np
import orjson
import pytest
from river import metrics

from consumer.model.estimators.posterior import Posterior
from consumer.model.prequential import Errors, Faded, Prequential, figures
from consumer.model.prequential.errors import FADING
from consumer.model.prequential.sums import RECENT, total
from consumer.model.statistics.ahead import Ahead
from consumer.model.view import MANY, errors_of
from unit.records import bits, event, folded, restored, spec

rng = np.random.default_rng(7)
TRUTHS = 14 + 5 * rng.normal(size=3000)
PREDICTIONS = TRUTHS + rng.normal(0.1, 1.7, size=3000)
PAIRS = list(zip(TRUTHS.tolist(), PREDICTIONS.tolist(), strict=True))
THEIRS: dict[str, Any] = {"mae": metrics.MAE, "rmse": metrics.RMSE, "r2": metrics.R2}


def rivers(pairs: list[tuple[float, float]]) -> dict[str, float]:
    """The figures of river's metrics."""
    found = {}
    for name, metric in THEIRS.items():
        theirs = metric()
        for y, y_pred in pairs:
            theirs.update(y, y_pred)
        found[name] = theirs.get()
    return found


def score(errors: Prequential, pairs: list[tuple[float, float]], timestamp: int = 0) -> None:
    """Score what came against what was predicted."""
    y, y_pred = np.array(pairs).reshape(-1, 2).T
    errors.update(y, Ahead.without_intervals(y - y_pred), timestamp)


def scored(pairs: list[tuple[float, float]], block: int = 64, start: int = 0) -> Prequential:
    errors = Prequential()
    for at in range(0, len(pairs), block):
        score(errors, pairs[at : at + block], start + at)
    return errors


def overall(*parts: Prequential) -> dict[str, float]:
    return total(parts).figures()


@pytest.mark.parametrize("count", [2, 3, 10, 3000])
def test_the_figures_are_those_of_rivers_metrics(count: int) -> None:
    assert overall(scored(PAIRS[:count])) == pytest.approx(rivers(PAIRS[:count]), rel=1e-11)


@pytest.mark.parametrize("parts", [1, 2, 3, 16, 3000])
def test_the_sums_over_partitions_are_those_of_one(parts: int) -> None:
    split = [scored(PAIRS[number::parts]) for number in range(parts)]
    assert total(split) == pytest.approx(scored(PAIRS).errors, rel=1e-11)


@pytest.mark.parametrize("block", [1, 7, 63, 64])
def test_it_does_not_matter_in_what_blocks_events_are_scored(block: int) -> None:
    assert overall(scored(PAIRS, block)) == pytest.approx(overall(scored(PAIRS)), rel=1e-12)


def test_uneven_and_empty_parts_add_up_too() -> None:
    cuts = [PAIRS[:1], PAIRS[1:2990], PAIRS[2990:]]
    parts = [Prequential(), *map(scored, cuts), Prequential()]
    assert overall(*parts) == pytest.approx(overall(scored(PAIRS)), rel=1e-11)


def test_a_large_offset_does_not_drown_the_spread() -> None:
    shifted = [(y + 1e9, y_pred + 1e9) for y, y_pred in PAIRS]
    expected = overall(scored(PAIRS))
    assert overall(scored(shifted)) == pytest.approx(expected, rel=1e-5)
    split = [scored(shifted[number::4]) for number in range(4)]
    assert overall(*split) == pytest.approx(expected, rel=1e-5)


def test_before_the_first_event_there_are_no_figures() -> None:
    assert Errors().figures() == Faded().figures() == overall() == {}
    assert overall(Prequential(), Prequential()) == {}


def test_of_events_that_are_all_the_same_there_is_no_r2() -> None:
    assert overall(scored([(3.0, 2.5)])) == {"mae": 0.5, "rmse": 0.5}
    assert overall(scored([(3.0, 2.5)] * 10)) == {"mae": 0.5, "rmse": 0.5}


@pytest.mark.parametrize("count", [1, 64, 1000, 1001, 3000])
def test_the_recent_errors_are_those_of_the_newest_blocks_that_hold_enough(count: int) -> None:
    recent = figures([scored(PAIRS[:count])])["recent"]
    n = recent.pop("n")
    assert min(count, RECENT) <= n < RECENT + 64
    assert recent == pytest.approx(rivers(PAIRS[count - n : count]) if n > 1 else recent, rel=1e-9)


def test_over_partitions_the_newest_by_timestamp_are_the_recent() -> None:
    old, new = scored(PAIRS[:1500]), scored(PAIRS[1500:2140], start=10_000)
    recent = figures([new, old])["recent"]
    assert recent.pop("n") == 640 + 1500 % 64 + 6 * 64
    assert recent == pytest.approx(rivers(PAIRS[1500 - 1500 % 64 - 6 * 64 : 2140]), rel=1e-9)


@pytest.mark.parametrize("block", [1, 64])
def test_the_fading_errors_forget(block: int) -> None:
    missed = np.array([y - y_pred for y, y_pred in PAIRS])
    weights = FADING ** np.arange(len(missed) - 1.0, -1.0, -1.0)
    fading = figures([scored(PAIRS, block)])["fading"]
    assert fading["mae"] == pytest.approx(np.average(np.abs(missed), weights=weights))
    assert fading["rmse"] == pytest.approx(np.average(missed**2, weights=weights) ** 0.5)


def test_one_prediction_that_missed_by_far_is_forgotten_where_it_should_be() -> None:
    errors = scored([(0.0, 1e6), *PAIRS])
    found = figures([errors])
    assert found["rmse"] > 1e4
    assert found["recent"]["rmse"] < 2
    for at in range(4):
        for _ in range(100):
            score(errors, PAIRS[at * 64 : at * 64 + 64])
    assert figures([errors])["fading"]["rmse"] < 2


def test_a_copy_stays_as_it_was() -> None:
    errors = scored(PAIRS[:100])
    copy, state = errors.copy(), errors.state()
    score(errors, [(1.0, 2.0)])
    assert copy.state() == state != errors.state()


def test_the_state_makes_the_round_trip_through_json_to_the_bit_and_goes_on_equal() -> None:
    errors = scored(PAIRS[:1000])
    restored = Prequential.from_state(orjson.loads(orjson.dumps(errors.state())))
    for pair in PAIRS[1000:]:
        score(errors, [pair])
        score(restored, [pair])
    assert orjson.dumps(restored.state()) == orjson.dumps(errors.state())


def test_the_sums_stay_finite_whatever_is_learned() -> None:
    rows = [(0, 0), (0, 811147), (0, 0), (1.5e-151, 0), (1e12, 0), (1, 1), (2, 2)]
    values = [event((tv, 0, 0, sales)) for tv, sales in rows]
    errors = folded(values, spec(learner="sgd")).view().errors
    assert errors.errors.n > 0
    assert np.isfinite([*errors.errors, *errors.faded]).all()


def test_of_blocks_with_equal_timestamps_the_last_of_a_partition_are_the_recent() -> None:
    old, new = Prequential(), scored(PAIRS[128:1088], start=10)
    score(old, PAIRS[:64], timestamp=5)
    score(old, PAIRS[64:128], timestamp=5)
    recent = figures([old, new])["recent"]
    assert recent.pop("n") == 64 + 960
    assert recent == pytest.approx(rivers(PAIRS[64:1088]), rel=1e-9)


def test_an_event_whose_prediction_would_be_refused_within_a_block_is_not_scored() -> None:
    both = spec("sales ~ tv + radio")
    usual = [(*row, 0.0, 1.0 + sum(row)) for row in rng.normal(size=(64, 2)).tolist()]
    # After the first of these, radio follows from tv as far as a double tells; not after both.
    far = [(1e12, 1e12, 0.0, 1.0), (1e12, -1e12, 0.0, 1.0)]
    for values in (usual + far, usual + far + usual[:62]):
        partition = folded(map(event, values), both)
        errors = partition.view().errors
        assert errors.errors.n == len(values) - 4 - 1
        assert np.isfinite([*errors.errors, *errors.faded]).all()
        assert b"null" not in orjson.dumps(partition.to_state()["errors"])


def test_many_incomplete_blocks_are_scored_together_as_each_by_itself() -> None:
    far = [(1e12, 1e12, 0.0, 1.0), (1e12, -1e12, 0.0, 1.0)]
    both = spec("sales ~ tv + radio")
    views = []
    for number in range(3 * MANY):
        rows = rng.normal(50.0, 9.0, size=(number + 64 * (number % 3), 4)).tolist()
        if number % 5 == 1:  # a constant field: some are never determined
            rows = [[7.0, *row[1:]] for row in rows]
        if number % 5 == 2:  # determined before the block, and not after it
            rows += far
        if number % 5 == 3:  # much leverage
            rows += [[1e7, *row[1:]] for row in rows[-1:]]
        if number % 5 == 4:  # no leverage, and radio follows from tv after the block alone
            x, z = rng.normal(size=(2, 64)).tolist()
            rows = [[it, it + 2e-7 * other, 0.0, other] for it, other in zip(x, z, strict=True)]
            rows += [[4 * it, 4 * it, 0.0, it] for it in x[:20]]
        views.append(folded(map(event, rows), both).view())
    together = [view.incomplete is not None for view in views]
    assert MANY <= sum(together) < len(views)
    for found, view in zip(errors_of(views), views, strict=True):
        assert found.errors == pytest.approx(view.errors.errors, rel=1e-9)
        assert found.faded == pytest.approx(view.errors.faded, rel=1e-9)
        assert len(found.recent) == len(view.errors.recent)
        for theirs, ours in zip(found.recent, view.errors.recent, strict=True):
            assert theirs.timestamp == ours.timestamp
            assert theirs.errors == pytest.approx(ours.errors, rel=1e-9)


def test_of_an_r2_beyond_the_range_of_a_double_nothing_is_said() -> None:
    assert Errors(n=2, absolute=1e30, squared=1e60, spread_y=1e-300).figures().keys() == {
        "mae",
        "rmse",
    }


@pytest.mark.parametrize("count", [1, 64])
@pytest.mark.parametrize(("tv", "sales"), [(1e-300, 1.0), (1e-300, 1e12), (1e-170, 1e-161)])
def test_the_least_scales_that_a_double_has_leave_every_number_finite(
    tv: float, sales: float, count: int
) -> None:
    least = [(tv * x, 0.0, 0.0, sales * y) for x, y in rng.normal(size=(128, 2)).tolist()]
    rows = least + [(1e12, 0.0, 0.0, 1.0)] * count + least[count:]
    for length in (64, 127, 128, 128 + count, 192, len(rows)):
        partition = folded(map(event, rows[:length]))
        view = partition.view()
        assert isinstance(view.estimate, Posterior)
        for numbers in (view.errors.errors, view.errors.faded, view.estimate.rows):
            assert np.isfinite(numbers).all()
        assert bits(restored(partition)) == bits(partition)
