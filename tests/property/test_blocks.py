"""Learning a block at once is learning its events one after another."""

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from river.linear_model import BayesianLinearRegression

from consumer.bayesian import ALPHA, Bayesian
from consumer.formula import INTERCEPT
from consumer.statistics.running import BLOCK

TERMS = (INTERCEPT, "tv", "radio", "newspaper")


def drawn(seed: int, n: int, scales: np.ndarray, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """A design, the intercept first, and targets."""
    rng = np.random.default_rng(seed)
    features = rng.uniform(0, scales, (n, len(scales)))
    design = np.column_stack((np.ones(n), features))
    truth = rng.normal(size=len(TERMS)) / np.r_[1.0, scales]
    return design, 10 * design @ truth + rng.normal(0, noise, n)


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**32),
    blocks=st.integers(1, 30),
    scales=hnp.arrays(float, 3, elements=st.floats(0.1, 1000)),
    noise=st.sampled_from([0.3, 1.0, 3.0]),
)
def test_a_block_gives_the_errors_and_the_posterior_of_single_updates(
    seed: int, blocks: int, scales: np.ndarray, noise: float
) -> None:
    design, y = drawn(seed, blocks * BLOCK, scales, noise)
    close = 1e-8 * np.abs(y).max()
    estimator = Bayesian(TERMS)
    for start in range(0, len(y), BLOCK):
        rows, targets = design[start : start + BLOCK], y[start : start + BLOCK]
        one_by_one = estimator.copy()  # river's own predict_one and learn_one
        singly = np.empty(BLOCK)
        for i, (row, target) in enumerate(zip(rows.tolist(), targets.tolist(), strict=True)):
            x = dict(zip(TERMS, row, strict=True))
            singly[i] = target - one_by_one.predict_one(x)
            one_by_one.learn_one(x, target)
        assert estimator.learn_block(rows, targets) == pytest.approx(singly, abs=close)
        if start == 0:
            continue  # what single updates lose on the way from the prior, ours has refreshed
        for row in rows[:5].tolist():
            x = dict(zip(TERMS, row, strict=True))
            assert estimator.predict_one(x) == pytest.approx(one_by_one.predict_one(x), abs=close)


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**32), noise=st.sampled_from([0.3, 1.0, 3.0]))
def test_many_blocks_end_where_rivers_model_does(seed: int, noise: float) -> None:
    design, y = drawn(seed, 50 * BLOCK, np.array([300.0, 45.0, 61.0]), noise)
    river, ours = BayesianLinearRegression(alpha=ALPHA), Bayesian(TERMS)
    for row, target in zip(design.tolist(), y.tolist(), strict=True):
        river.learn_one(dict(zip(TERMS, row, strict=True)), target)
    for start in range(0, len(y), BLOCK):
        ours.learn_block(design[start : start + BLOCK], y[start : start + BLOCK])
    for row in design[:20].tolist():
        x = dict(zip(TERMS, row, strict=True))
        # River's covariance has lost digits on the way from the prior, and finds them again slowly.
        expected = pytest.approx(river.predict_one(x), abs=1e-6 * np.abs(y).max())
        assert ours.predict_one(x) == expected


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32), cut=st.integers(0, 6))
def test_a_state_restored_between_blocks_goes_on_to_the_bit(seed: int, cut: int) -> None:
    design, y = drawn(seed, 6 * BLOCK, np.array([300.0, 45.0, 61.0]), 1.7)
    whole, parts = Bayesian(TERMS), Bayesian(TERMS)
    for number in range(6):
        if number == cut:
            restored = Bayesian(TERMS)
            restored.restore(orjson.loads(orjson.dumps(parts.state())))
            parts = restored
        block = slice(number * BLOCK, (number + 1) * BLOCK)
        for estimator in (whole, parts):
            estimator.learn_block(design[block], y[block])
    assert orjson.dumps(parts.state()) == orjson.dumps(whole.state())


def test_features_that_repeat_each_other_are_learned_all_the_same() -> None:
    tv = np.arange(1e5, 1e5 + 10 * BLOCK)
    design = np.column_stack((np.ones(len(tv)), tv, tv, tv))
    estimator = Bayesian(TERMS)
    for start in range(0, len(tv), BLOCK):
        errors = estimator.learn_block(design[start : start + BLOCK], tv[start : start + BLOCK])
        assert np.isfinite(errors).all()
    assert np.isfinite(orjson.loads(orjson.dumps(estimator.state()["eta"]))).all()


def test_a_value_that_dwarfs_all_others_costs_no_digits_of_the_rest() -> None:
    design, y = drawn(1, 4 * BLOCK, np.array([300.0, 45.0, 61.0]), 1.7)
    design[130, 1] = 1e9
    ours = Bayesian(TERMS)
    for start in range(0, len(y), BLOCK):
        ours.learn_block(design[start : start + BLOCK], y[start : start + BLOCK])
    river = BayesianLinearRegression(alpha=ALPHA)
    for row, target in zip(design.tolist(), y.tolist(), strict=True):
        river.learn_one(dict(zip(TERMS, row, strict=True)), target)
    x = dict(zip(TERMS, design[7].tolist(), strict=True))
    assert ours.predict_one(x) == pytest.approx(river.predict_one(x), rel=1e-6)
