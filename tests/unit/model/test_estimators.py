"""River's regressions: what they equal, how they add up, how they travel."""

from typing import Any

import numpy as np
import orjson
import pytest
from numpy.typing import NDArray
from river.linear_model import BayesianLinearRegression, LinearRegression
from river.preprocessing import StandardScaler

from consumer.decode.formula import INTERCEPT
from consumer.model.estimators.bayesian import MAX_PRECISION, Bayesian
from consumer.model.estimators.estimator import LEARNERS, combine
from consumer.model.estimators.gradient import StochasticGradient
from consumer.model.statistics.kept.running import BLOCK
from consumer.model.statistics.least_squares import LeastSquares, one_step_ahead

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


class Learned:
    """A Bayesian regression that is taught in blocks, and what least squares knows."""

    def __init__(self, p: int = len(TERMS)) -> None:
        self.estimator = Bayesian(TERMS[:p])
        self.known = LeastSquares(0, np.zeros((p + 1, p + 1)))

    def learn(self, rows: Floats, targets: Floats) -> Floats:
        """The errors of predicting each."""
        errors = [np.empty(0)]
        events = np.column_stack((rows, targets))
        for start in range(0, len(events), BLOCK):
            block = events[start : start + BLOCK]
            after = self.known.plus(block)
            steady = self.known.is_determined and after.is_determined
            exact = None if steady else one_step_ahead(self.known, block)
            errors.append(self.estimator.learn_block(block, exact, self.known, after).errors)
            self.known = after
        return np.concatenate(errors)

    def view(self) -> Any:  # noqa: ANN401 - what combine takes
        return self.estimator.view(self.known, np.empty((0, len(self.known.factor))))


def bayesian(rows: Floats, targets: Floats) -> Learned:
    learned = Learned(rows.shape[1])
    learned.learn(rows, targets)
    return learned


def least_squares(rows: Floats, targets: Floats) -> Floats:
    return np.asarray(np.linalg.lstsq(rows, targets)[0])


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("features", [0, 1, 3])
@pytest.mark.parametrize("n", [10, 64, 500])
def test_bayesian_regression_equals_least_squares(seed: int, features: int, n: int) -> None:
    rows, targets = data(seed, n, features)
    view = bayesian(rows, targets).view()
    assert combine([view]) == pytest.approx(least_squares(rows, targets), rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("seed", range(10))
def test_the_order_of_events_does_not_matter(seed: int) -> None:
    rows, targets = data(seed)
    order = np.random.default_rng(seed).permutation(len(rows))
    one, other = bayesian(rows, targets), bayesian(rows[order], targets[order])
    assert combine([one.view()]) == pytest.approx(combine([other.view()]), rel=1e-10, abs=1e-11)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("partitions", [2, 4, 64])
def test_the_sum_over_any_split_equals_one_model_of_everything(seed: int, partitions: int) -> None:
    rows, targets = data(seed)
    dealt = np.random.default_rng(seed).integers(partitions, size=len(rows))
    parts = [bayesian(rows[dealt == n], targets[dealt == n]) for n in range(partitions)]
    whole = bayesian(rows, targets)
    assert combine([part.view() for part in parts]) == pytest.approx(
        combine([whole.view()]), rel=1e-10, abs=1e-11
    )


def test_partitions_without_events_add_nothing() -> None:
    rows, targets = data(1)
    view, empty = bayesian(rows, targets).view(), Learned().view()
    assert combine([empty, view, empty]) == pytest.approx(combine([view]), rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_from_the_start_on_it_is_rivers_own_regression(seed: int) -> None:
    """Event by event, in the coordinates in which the first events are its prior."""
    rows, targets = data(seed, n=10 * BLOCK)
    learned = bayesian(rows[:BLOCK], targets[:BLOCK])
    start = learned.known
    river = BayesianLinearRegression(alpha=1)
    errors = []
    for row, y in zip(rows[BLOCK:], targets[BLOCK:].tolist(), strict=True):
        x = dict(zip(TERMS, np.linalg.solve(start.factor[:-1, :-1].T, row).tolist(), strict=True))
        target = y - float(row @ start.coefficients)
        errors.append(target - river.predict_one(x))
        river.learn_one(x, target)
    assert learned.learn(rows[BLOCK:], targets[BLOCK:]) == pytest.approx(errors, abs=1e-10)
    state = learned.estimator.state()
    p = len(TERMS)
    for name, theirs in (("ss", river._ss_arr), ("ss_inv", river._ss_inv_arr)):
        assert np.array(state[name]) == pytest.approx(theirs[:p, :p], rel=1e-9, abs=1e-12)
    assert state["eta"] == pytest.approx(river._eta_arr[:p], abs=1e-9)


def test_it_takes_new_coordinates_before_its_precision_has_grown_by_all_its_digits() -> None:
    rows, targets = data(1, n=40 * BLOCK)
    rows[BLOCK:, 1:] *= 10.0 ** np.linspace(0, 8, 39 * BLOCK)[:, None]  # no jump, and yet far
    learned = Learned()
    starts = set()
    for at in range(0, len(rows), BLOCK):
        block = slice(at, at + BLOCK)
        events = np.column_stack((rows[block], targets[block]))
        due = one_step_ahead(learned.known, events).errors
        found = learned.learn(rows[block], targets[block])
        assert found[at == 0 and 5 :] == pytest.approx(due[at == 0 and 5 :], rel=1e-8, abs=1e-8)
        state = learned.estimator.state()
        starts.add(state["start"]["n"])
        assert np.max(state["ss"]) <= MAX_PRECISION
    assert 2 < len(starts) < 20


def test_a_view_does_not_change_when_more_is_learned() -> None:
    rows, targets = data(1)
    learned = bayesian(rows, targets)
    view = learned.view()
    before = combine([view]).tolist()
    learned.learn(*data(2))
    assert combine([view]).tolist() == before


def test_a_copy_goes_on_by_itself() -> None:
    learned = bayesian(*data(1))
    copy, before = learned.estimator.copy(), orjson.dumps(learned.estimator.state())
    assert orjson.dumps(copy.state()) == before
    learned.learn(*data(2))
    assert orjson.dumps(copy.state()) == before != orjson.dumps(learned.estimator.state())


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
    coefficients = combine([estimator.weights()])
    for row in rows[:20]:
        assert float(row @ coefficients) == pytest.approx(estimator.predict_one(as_x(row)))


def test_stochastic_gradients_are_averaged_by_their_events() -> None:
    rows, targets = data(1)
    few = taught(StochasticGradient(TERMS), rows[:100], targets[:100]).weights()
    many = taught(StochasticGradient(TERMS), rows[100:], targets[100:]).weights()
    none = StochasticGradient(TERMS).weights()
    expected = 0.2 * few.coefficients + 0.8 * many.coefficients
    assert combine([few, none, many]) == pytest.approx(expected)


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("count", [0, 1, 64, 200])
def test_a_state_makes_the_round_trip_through_json_to_the_bit_and_goes_on_equal(
    learner: str, count: int
) -> None:
    rows, targets = data(3)
    learned = Learned()
    learned.estimator = LEARNERS[learner](TERMS)  # type: ignore[assignment]
    learned.learn(rows[:count], targets[:count])
    document = orjson.dumps(learned.estimator.state())
    restored = Learned()
    restored.estimator, restored.known = LEARNERS[learner](TERMS), learned.known  # type: ignore[assignment]
    restored.estimator.restore(orjson.loads(document))
    assert orjson.dumps(restored.estimator.state()) == document
    found, due = (one.learn(rows[count:], targets[count:]) for one in (restored, learned))
    assert found.tobytes() == due.tobytes()
    assert orjson.dumps(restored.estimator.state()) == orjson.dumps(learned.estimator.state())


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
    learned = Learned()
    learned.estimator = LEARNERS[learner](TERMS)  # type: ignore[assignment]
    learned.learn(*data(4, n=200))
    state = orjson.loads(orjson.dumps(learned.estimator.state()))
    (state[member][0] if learner == "bayesian" and member != "eta" else state[member])[0] = damage
    with pytest.raises(ValueError):  # noqa: PT011 - numpy words some of these
        LEARNERS[learner](TERMS).restore(state)
