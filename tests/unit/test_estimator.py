"""River's regressions: what they equal, how they add up, how they travel."""

from typing import Any

import numpy as np
import orjson
import pandas as pd
import pytest
from numpy.typing import NDArray
from river.linear_model import BayesianLinearRegression, LinearRegression
from river.preprocessing import StandardScaler

from consumer.bayesian import ALPHA, Bayesian
from consumer.estimator import LEARNERS, Estimator, combine
from consumer.formula import INTERCEPT
from consumer.gradient import StochasticGradient

Floats = NDArray[np.float64]
Data = tuple[Floats, Floats]

TERMS = (INTERCEPT, "a", "b", "c")


def data(seed: int, n: int = 500, features: int = 3) -> Data:
    """Rows with a constant before them, and targets: shapes (n, 1 + features) and (n,)."""
    rng = np.random.default_rng(seed)
    columns = rng.normal(rng.uniform(-5, 5, features), rng.uniform(0.5, 5, features), (n, features))
    rows = np.column_stack([np.ones(n), columns])
    return rows, rows @ rng.normal(0, 3, 1 + features) + rng.normal(0, 1, n)


def as_x(row: Floats) -> dict[str, float]:
    return dict(zip(TERMS, row.tolist(), strict=False))


def taught(estimator: Any, rows: Floats, targets: Floats) -> Any:  # noqa: ANN401 - ours or river's
    for row, y in zip(rows, targets.tolist(), strict=True):
        estimator.learn_one(as_x(row), y)
    return estimator


def bayesian(rows: Floats, targets: Floats) -> Any:  # noqa: ANN401 - river has no types
    return taught(Bayesian(TERMS[: rows.shape[1]]), rows, targets)


def least_squares(rows: Floats, targets: Floats) -> Floats:
    return np.asarray(np.linalg.lstsq(rows, targets)[0])


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("features", [0, 1, 3])
def test_bayesian_regression_equals_least_squares(seed: int, features: int) -> None:
    rows, targets = data(seed, features=features)
    estimator = bayesian(rows, targets)
    coefficients = least_squares(rows, targets)
    assert combine([estimator.view()]) == pytest.approx(coefficients, rel=1e-7, abs=1e-8)
    x = as_x(rows[0])
    assert estimator.predict_one(x) == pytest.approx(float(rows[0] @ coefficients), abs=1e-7)


@pytest.mark.parametrize("seed", range(10))
def test_the_order_of_events_does_not_matter(seed: int) -> None:
    rows, targets = data(seed)
    order = np.random.default_rng(seed).permutation(len(rows))
    one, other = bayesian(rows, targets), bayesian(rows[order], targets[order])
    assert combine([one.view()]) == pytest.approx(combine([other.view()]), rel=1e-9)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("partitions", [2, 4, 64])
def test_the_sum_over_any_split_equals_one_model_of_everything(seed: int, partitions: int) -> None:
    rows, targets = data(seed)
    dealt = np.random.default_rng(seed).integers(partitions, size=len(rows))
    parts = [bayesian(rows[dealt == n], targets[dealt == n]) for n in range(partitions)]
    whole = bayesian(rows, targets)
    assert combine([part.view() for part in parts]) == pytest.approx(
        combine([whole.view()]), rel=1e-8
    )
    for row in rows[:5]:
        prediction = float(row @ combine([part.view() for part in parts]))
        assert prediction == pytest.approx(whole.predict_one(as_x(row)), abs=1e-8)


def test_partitions_without_events_add_nothing() -> None:
    rows, targets = data(1)
    view = bayesian(rows, targets).view()
    empty = Bayesian(TERMS).view()
    assert combine([empty, view, empty]) == pytest.approx(combine([view]), rel=1e-9)
    assert combine([empty, empty]).tolist() == [0.0] * 4


@pytest.mark.parametrize("seed", range(5))
def test_bayesian_predictions_are_rivers_own_to_the_bit(seed: int) -> None:
    rows, targets = data(seed)
    ours: Estimator = Bayesian(TERMS)
    theirs = BayesianLinearRegression(alpha=ALPHA)
    for row, y in zip(rows, targets.tolist(), strict=True):
        x = as_x(row)
        assert ours.predict_one(x).hex() == theirs.predict_one(x).hex()
        ours.learn_one(x, y)
        theirs.learn_one(x, y)


def test_learning_many_equals_learning_one_by_one() -> None:
    """River's own starts its precision at 1/alpha, and so learns next to nothing in this way."""
    rows, targets = data(1)
    many: Any = Bayesian(TERMS)
    one_by_one = bayesian(rows, targets)
    frame = pd.DataFrame(rows, columns=list(TERMS))
    for start in range(0, len(rows), 100):
        block = slice(start, start + 100)
        many.learn_many(frame[block], pd.Series(targets[block]))
    assert combine([many.view()]) == pytest.approx(combine([one_by_one.view()]), rel=1e-9)
    for row in rows[:20]:
        x = as_x(row)
        assert many.predict_one(x) == pytest.approx(one_by_one.predict_one(x), abs=1e-7)


def test_a_view_does_not_change_when_more_is_learned() -> None:
    rows, targets = data(1)
    estimator = bayesian(rows, targets)
    view = estimator.view()
    before = combine([view]).tolist()
    taught(estimator, *data(2))
    assert combine([view]).tolist() == before


@pytest.mark.parametrize("seed", range(3))
def test_stochastic_gradient_is_rivers_pipeline_to_the_bit(seed: int) -> None:
    rows, targets = data(seed)
    ours, theirs = StochasticGradient(TERMS), StandardScaler() | LinearRegression()
    for row, y in zip(rows, targets.tolist(), strict=True):
        x = as_x(row)
        raw = {name: x[name] for name in TERMS[1:]}
        assert ours.predict_one(x).hex() == float(theirs.predict_one(raw)).hex()
        ours.learn_one(x, y)
        theirs.learn_one(raw, y)


@pytest.mark.parametrize("seed", range(3))
def test_stochastic_gradient_weights_on_the_raw_scale_predict_the_same(seed: int) -> None:
    rows, targets = data(seed)
    estimator = taught(StochasticGradient(TERMS), rows, targets)
    coefficients = combine([estimator.view()])
    for row in rows[:20]:
        assert float(row @ coefficients) == pytest.approx(estimator.predict_one(as_x(row)))


def test_stochastic_gradients_are_averaged_by_their_events() -> None:
    rows, targets = data(1)
    few = taught(StochasticGradient(TERMS), rows[:100], targets[:100]).view()
    many = taught(StochasticGradient(TERMS), rows[100:], targets[100:]).view()
    none = StochasticGradient(TERMS).view()
    expected = 0.2 * few.coefficients + 0.8 * many.coefficients
    assert combine([few, none, many]) == pytest.approx(expected)


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("learned", [0, 1, 2, 200])
def test_a_state_makes_the_round_trip_through_json_to_the_bit_and_goes_on_equal(
    learner: str, learned: int
) -> None:
    rows, targets = data(3)
    made = LEARNERS[learner]
    estimator = taught(made(TERMS), rows[:learned], targets[:learned])
    document = orjson.dumps(estimator.state())
    restored = made(TERMS)
    restored.restore(orjson.loads(document))
    assert orjson.dumps(restored.state()) == document
    for row, y in zip(rows[learned:], targets[learned:].tolist(), strict=True):
        x = as_x(row)
        assert restored.predict_one(x).hex() == estimator.predict_one(x).hex()
        estimator.learn_one(x, y)
        restored.learn_one(x, y)
    assert orjson.dumps(restored.state()) == orjson.dumps(estimator.state())


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_state_of_other_terms_is_refused(learner: str) -> None:
    state = LEARNERS[learner]((INTERCEPT, "a", "c", "b")).state()
    with pytest.raises(ValueError, match="other terms"):
        LEARNERS[learner](TERMS).restore(state)


@pytest.mark.parametrize("damage", [None, float("nan"), float("inf"), [1.0], "x"])
@pytest.mark.parametrize(
    ("learner", "member"),
    [
        ("bayesian", "ss"),
        ("bayesian", "ss_inv"),
        ("bayesian", "eta"),
        ("sgd", "means"),
        ("sgd", "vars"),
        ("sgd", "weights"),
    ],
)
def test_a_state_with_a_number_that_is_none_is_refused(
    learner: str, member: str, damage: object
) -> None:
    estimator = taught(LEARNERS[learner](TERMS), *data(4, n=20))
    state = orjson.loads(orjson.dumps(estimator.state()))
    (state[member][0] if learner == "bayesian" and member != "eta" else state[member])[0] = damage
    with pytest.raises(ValueError):  # noqa: PT011 - numpy words some of these
        LEARNERS[learner](TERMS).restore(state)
