"""The model equals least squares whatever the fields' origin and scale: held to exact sums.

Each event is predicted by its partition's model before it is learned; the model that answers is the
sum over partitions.
"""

import numpy as np
import orjson
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from consumer.decode.event import parse_number
from consumer.decode.formula import Formula
from consumer.model.merged import Model
from consumer.model.partition import Partition
from consumer.model.spec import ModelSpec
from consumer.model.statistics.regression import predict
from unit.exact import one_step_ahead, prediction
from unit.records import Record

Floats = NDArray[np.float64]

LIMIT = 1e12  # of what an event may hold
CLOSE = 1e-6  # in standard deviations of the noise


def streamed(rows: Floats, partitions: int) -> Model:
    """The model after these rows, the target last, dealt to the partitions in turn."""
    fields = tuple(f"x{number}" for number in range(rows.shape[1]))
    spec = ModelSpec(fields, Formula(fields[-1], fields[:-1]))
    parts = {number: Partition(spec) for number in range(partitions)}
    for offset, row in enumerate(rows.tolist()):
        value = orjson.dumps(dict(zip(fields, row, strict=True)))
        parts[offset % partitions].fold([Record(offset, value, timestamp=offset)])
    return Model(spec, {number: part.view() for number, part in parts.items()})


def drawn(seed: int, n: int, features: int, origin: float, scale: float) -> Floats:
    """Features of this standard deviation, so many of them from zero; noise of one."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, features))
    z += 0.5 * z[:, :1]  # they have to do with one another
    y = rng.choice([0.0, 14.0, 1e7]) + z @ rng.normal(0, 3, features) + rng.normal(size=n)
    return np.column_stack(((origin + z) * scale, y))


def check(rows: Floats, partitions: int, noise: float) -> None:
    model = streamed(rows, partitions)
    parts = [rows[number::partitions] for number in range(partitions)]
    due = np.concatenate([one_step_ahead(part) for part in parts])
    due = due[~np.isnan(due)]
    assert model.errors["rmse"] == pytest.approx(np.sqrt(np.mean(due**2)), abs=CLOSE * noise)
    assert model.errors["mae"] == pytest.approx(np.mean(np.abs(due)), abs=CLOSE * noise)
    for row in (rows[0], rows[-1], rows.mean(axis=0)):
        given_features = row[:-1].tolist()
        features = dict(zip(model.spec.formula.terms, given_features, strict=True))
        found = model.predict(features)
        assert found == pytest.approx(prediction(rows, given_features), abs=CLOSE * noise)
        exact = predict(model.fit(model.spec.formula), features).around(found)
        assert exact.low < found < exact.high
        assert exact.high - found == pytest.approx(found - exact.low, rel=1e-6)


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**32),
    n=st.sampled_from([20, 64, 65, 200, 400]),
    features=st.integers(1, 3),
    origin=st.sampled_from([0.0, 1.0, -1e3, 1e6]),
    exponent=st.integers(-9, 9),
    partitions=st.sampled_from([1, 2, 3]),
)
@example(seed=1, n=400, features=1, origin=1e6, exponent=0, partitions=2)
@example(seed=2, n=400, features=1, origin=0.0, exponent=-6, partitions=2)
def test_predictions_and_errors_are_those_of_exact_least_squares(
    seed: int, n: int, features: int, origin: float, exponent: int, partitions: int
) -> None:
    assume(n / partitions > 2 * features + 4)
    scale = 10.0**exponent
    assume(abs(origin) * scale < LIMIT / 10)
    check(drawn(seed, n, features, origin, scale), partitions, noise=1.0)


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**32),
    steps=st.lists(
        st.tuples(st.integers(4, 130), st.floats(-6, 6), st.floats(-2, 5)), min_size=2, max_size=5
    ),
)
def test_a_field_that_changes_its_origin_and_its_scale_on_the_way_costs_no_digits(
    seed: int, steps: list[tuple[int, float, float]]
) -> None:
    rng = np.random.default_rng(seed)
    x = np.concatenate(
        [10.0**size * (10.0**origin + rng.normal(size=n)) for n, size, origin in steps]
    )
    rows = np.column_stack((x, 3 + x / np.abs(x).max() + rng.normal(size=len(x))))
    size = np.sqrt(np.mean(one_step_ahead(rows)[3:] ** 2))
    model = streamed(rows, 1)
    assert model.parts[0].errors.errors.n == len(x) - 3
    assert model.errors["rmse"] == pytest.approx(size, rel=CLOSE)
    features = {"x0": float(x[-1])}
    assert model.predict(features) == pytest.approx(
        prediction(rows, [x[-1]]), abs=CLOSE * model.fit(model.spec.formula).quality.residual_sd
    )


def test_a_number_may_be_as_large_as_the_tests_think() -> None:
    assert parse_number("x", LIMIT) == LIMIT


@pytest.mark.parametrize("count", [3, 63, 64, 100, 300])
def test_a_field_that_has_not_varied_is_not_scored_until_it_does(count: int) -> None:
    """Predictions would be refused till then; after it they count from the first on."""
    rng = np.random.default_rng(count)
    x = np.concatenate((np.full(count, 7.0), rng.normal(7, 1, 200)))
    y = 2 * x + rng.normal(size=len(x))
    errors = streamed(np.column_stack((x, y)), 1).parts[0].errors.errors
    assert errors.n == 199  # the one that varies first is predicted from those that did not
    due = one_step_ahead(np.column_stack((x, y)))
    assert errors.squared == pytest.approx(np.nansum(due**2), rel=1e-9)


def test_constant_and_collinear_streams_are_never_scored() -> None:
    x = np.arange(300.0)
    for rows in (
        np.column_stack((np.full(300, 5.0), x)),
        np.column_stack((x, np.full(300, 5.0))),
        np.column_stack((x, 2 * x + 1, x % 7)),
    ):
        model = streamed(rows, 1)
        assert model.parts[0].errors.errors.n == 0
        assert model.coefficients == {}
