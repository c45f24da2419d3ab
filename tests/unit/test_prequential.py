"""Prequential errors are those of river's metrics, and add up."""

import numpy as np
import orjson
import pytest
from river import metrics

from consumer.prequential import Errors, add
from unit.records import event, folded, recipe

rng = np.random.default_rng(7)
TRUTHS = 14 + 5 * rng.normal(size=3000)
PREDICTIONS = TRUTHS + rng.normal(0.1, 1.7, size=3000)
PAIRS = list(zip(TRUTHS.tolist(), PREDICTIONS.tolist(), strict=True))


def score(errors: Errors, pairs: list[tuple[float, float]]) -> None:
    """Score what came against what was predicted."""
    y, y_pred = np.array(pairs).reshape(-1, 2).T
    errors.update(y, y - y_pred)


def scored(pairs: list[tuple[float, float]], block: int = 64) -> Errors:
    errors = Errors()
    for start in range(0, len(pairs), block):
        score(errors, pairs[start : start + block])
    return errors


@pytest.mark.parametrize("count", [2, 3, 10, 3000])
def test_the_figures_are_those_of_rivers_metrics(count: int) -> None:
    theirs = {"mae": metrics.MAE(), "rmse": metrics.RMSE(), "r2": metrics.R2()}
    for metric in theirs.values():
        for y, y_pred in PAIRS[:count]:
            metric.update(y, y_pred)
    ours = scored(PAIRS[:count]).figures()
    assert ours == pytest.approx({name: metric.get() for name, metric in theirs.items()}, rel=1e-11)


@pytest.mark.parametrize("parts", [1, 2, 3, 16, 3000])
def test_the_sums_over_partitions_are_those_of_one(parts: int) -> None:
    split = [scored(PAIRS[number::parts]) for number in range(parts)]
    whole = scored(PAIRS)
    assert add(split).figures() == pytest.approx(whole.figures(), rel=1e-11)
    assert add(split).state() == pytest.approx(whole.state(), rel=1e-11)


@pytest.mark.parametrize("block", [1, 7, 64, 5000])
def test_it_does_not_matter_in_what_blocks_events_are_scored(block: int) -> None:
    assert scored(PAIRS, block).figures() == pytest.approx(scored(PAIRS).figures(), rel=1e-12)


def test_uneven_and_empty_parts_add_up_too() -> None:
    parts = [Errors(), scored(PAIRS[:1]), Errors(), scored(PAIRS[1:2990]), scored(PAIRS[2990:])]
    assert add(parts).figures() == pytest.approx(scored(PAIRS).figures(), rel=1e-11)


def test_a_large_offset_does_not_drown_the_spread() -> None:
    shifted = [(y + 1e9, y_pred + 1e9) for y, y_pred in PAIRS]
    expected = scored(PAIRS).figures()
    assert scored(shifted).figures() == pytest.approx(expected, rel=1e-5)
    split = [scored(shifted[number::4]) for number in range(4)]
    assert add(split).figures() == pytest.approx(expected, rel=1e-5)


def test_before_the_first_event_there_are_no_figures() -> None:
    assert Errors().figures() == {}
    assert add([]).figures() == {}
    assert add([Errors(), Errors()]).figures() == {}


def test_of_events_that_are_all_the_same_there_is_no_r2() -> None:
    assert scored([(3.0, 2.5)]).figures() == {"mae": 0.5, "rmse": 0.5}
    assert scored([(3.0, 2.5)] * 10).figures() == {"mae": 0.5, "rmse": 0.5}


def test_a_copy_stays_as_it_was() -> None:
    errors = scored(PAIRS[:100])
    copy, state = errors.copy(), errors.state()
    score(errors, [(1.0, 2.0)])
    assert copy.state() == state != errors.state()


def test_the_state_makes_the_round_trip_through_json_to_the_bit_and_goes_on_equal() -> None:
    errors = scored(PAIRS[:1000])
    restored = Errors(*orjson.loads(orjson.dumps(errors.state())))
    for pair in PAIRS[1000:]:
        score(errors, [pair])
        score(restored, [pair])
    assert orjson.dumps(restored.state()) == orjson.dumps(errors.state())


def test_the_sums_stay_finite_whatever_is_learned() -> None:
    rows = [(0, 0), (0, 811147), (0, 0), (1.5e-151, 0), (1e12, 0), (1, 1), (2, 2)]
    values = [event((tv, 0, 0, sales)) for tv, sales in rows]
    errors = folded(values, recipe(learner="sgd")).view().errors
    assert errors.n > 0
    assert np.isfinite(errors.state()).all()
