"""The difference of two formulas, looked at after every event of a thousand streams."""

from collections.abc import Callable
from functools import reduce
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from consumer.model.challengers.comparison import NOTHING, Comparison
from consumer.model.statistics.factor import Floats
from consumer.model.statistics.inference.anytime import PLANNED_EVENTS, optimal_g

STREAMS, EVENTS = 1000, 2000
G = optimal_g(PLANNED_EVENTS, 1)

Errors = tuple[Floats, Floats]
Draw = Callable[[np.random.Generator], Errors]
SHAPE = (STREAMS, EVENTS)


def shifted(made: np.random.Generator) -> Errors:
    """Both are wrong by the same, to either side."""
    noise = made.normal(size=SHAPE)
    return noise + 0.3, noise - 0.3


def unequal(made: np.random.Generator) -> Errors:
    """Each has an error of its own, of noise that changes in size from event to event."""
    noise = made.normal(size=SHAPE) * np.exp(made.normal(size=SHAPE) / 2)
    return noise + 0.5 * made.normal(size=SHAPE), noise + 0.5 * made.normal(size=SHAPE)


def heavy(made: np.random.Generator) -> Errors:
    """Noise with heavy tails: t with 5 degrees of freedom, whose squares have a variance."""
    noise = made.standard_t(5, size=SHAPE)
    return noise + 0.3 * made.normal(size=SHAPE), noise + 0.3 * made.normal(size=SHAPE)


def clustered(made: np.random.Generator) -> Errors:
    """Each errs by a part of a level that wanders: which of both does better, chance decides."""
    level, noise = np.zeros(STREAMS), made.normal(size=SHAPE)
    off = np.empty(SHAPE)
    for at in range(EVENTS):
        level = 0.9 * level + made.normal(size=STREAMS)
        off[:, at] = level
    sign = np.where(made.random(SHAPE) < 0.5, 1.0, -1.0)
    return noise + 0.2 * sign * off, noise - 0.2 * sign * off


def better(made: np.random.Generator) -> Errors:
    """The challenger's expected squared error is 0.09 less, of 1.09."""
    noise = made.normal(size=SHAPE)
    return noise + 0.3 * np.where(made.random(SHAPE) < 0.5, 1.0, -1.0), noise


def watched(errors: Errors) -> tuple[Floats, Floats]:
    """The ends of each stream's interval after each event; infinite while there is no bound."""
    n = np.arange(1, EVENTS + 1)
    d = errors[0] ** 2 - errors[1] ** 2
    mean = np.cumsum(d, axis=1) / n
    spread = np.cumsum(d**2, axis=1) - n * mean**2
    standard = [Comparison(int(it), mean=0.0, spread=float(it * (it - 1))).interval(G) for it in n]
    width = np.array([np.inf if it is None else it[1] for it in standard])
    with np.errstate(divide="ignore", invalid="ignore"):
        half = np.where(np.isinf(width), np.inf, width * np.sqrt(spread / (n - 1) / n))
    return mean - half, mean + half


@pytest.mark.parametrize("draw", [shifted, unequal, heavy, clustered])
def test_of_a_thousand_streams_of_equals_at_most_one_in_twenty_ever_prefers_one(
    draw: Draw,
) -> None:
    low, high = watched(draw(np.random.default_rng(18)))
    preferred = ((low > 0) | (high < 0)).any(axis=1)
    assert preferred.mean() <= 0.05


def test_one_that_is_better_is_preferred_and_the_truth_covered_at_all_times() -> None:
    low, high = watched(better(np.random.default_rng(18)))
    assert ((low <= 0.09) & (high >= 0.09)).all(axis=1).mean() >= 0.95
    assert (low[:, -1] > 0).mean() > 0.95
    assert not (high < 0).any()


def test_the_ends_after_many_events_are_those_of_the_normal_mixture() -> None:
    n = 1_000_000
    sums = Comparison(n, mean=2.0, spread=4.0 * (n - 1))
    width = 2 * np.sqrt((1 + G / n) * (np.log1p(n / G) - 2 * np.log(0.05)) / n)
    assert sums.interval(G) == pytest.approx((2 - width, 2 + width), rel=1e-6)


numbers = st.floats(-1e6, 1e6)


@given(
    arrays(float, st.tuples(st.just(2), st.integers(1, 60)), elements=numbers),
    st.lists(st.integers(0, 60), max_size=4),
)
def test_the_sums_of_parts_are_those_of_the_whole(errors: Floats, cuts: list[int]) -> None:
    ends = [0, *sorted(min(it, errors.shape[1]) for it in cuts), errors.shape[1]]
    parts = [Comparison.of(*errors[:, begin:end]) for begin, end in pairwise(ends)]
    whole = Comparison.of(*errors)
    d = errors[0] ** 2 - errors[1] ** 2
    scale = float(np.square(errors).max())
    for found in (reduce(Comparison.plus, parts), reduce(Comparison.plus, parts[::-1], NOTHING)):
        assert found[:5] == pytest.approx(whole[:5], rel=1e-9)
        assert found.mean == pytest.approx(d.mean(), rel=1e-9, abs=1e-9 * scale)
        assert found.spread == pytest.approx(
            np.square(d - d.mean()).sum(), rel=1e-9, abs=1e-9 * scale**2
        )
