"""The OLS table and predictions: against DESIGN's figures, statsmodels, numpy and simulation."""

import math
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.regression.linear_model import OLS
from statsmodels.tools import add_constant

from consumer.decode.formula import Formula, parse_formula
from consumer.decode.request_error import RequestError
from consumer.model.statistics.inference.describe import describe
from consumer.model.statistics.inference.diagnostics import diagnose
from consumer.model.statistics.regression import Regression, fit, predict
from contract.messages import ErrorCode
from unit import streams
from unit.streams import Rows, fitted, summed

FIELDS = ("a", "b", "y")


def regression_of(text: str, partitions: int = 1) -> Regression:
    summary = summed(streams.FIELDS, streams.advertising(), partitions)
    return fit(summary, parse_formula(text, streams.FIELDS))


def noisy(count: int, noise: float = 1.0, seed: int = 1) -> Rows:
    """Rows of y = 5 + 2 a - 3 b + noise."""
    draw = np.random.default_rng(seed)
    a, b = draw.normal(10, 2, count), draw.normal(0, 5, count)
    y = 5 + 2 * a - 3 * b + draw.normal(0, noise, count)
    return list(zip(a.tolist(), b.tolist(), y.tolist(), strict=True))


def test_the_reference_prediction_comes_out() -> None:
    prediction = predict(regression_of("sales ~ tv"), {"tv": 50.0})
    assert prediction.prediction == pytest.approx(9.409425570778684, rel=1e-14)


def test_the_reference_table_comes_out_to_the_printed_digits() -> None:
    regression = regression_of("sales ~ tv")
    intercept, tv = regression.coefficients.values()
    quality = regression.quality
    printed = (
        f"{intercept.coef:.4f} {intercept.se:.3f} {intercept.t:.3f} {intercept.p:.3f} "
        f"{intercept.low:.3f} {intercept.high:.3f} | "
        f"{tv.coef:.4f} {tv.se:.3f} {tv.t:.3f} {tv.p:.3f} {tv.low:.3f} {tv.high:.3f} | "
        f"{quality.r2:.3f} {quality.adjusted_r2:.3f} {quality.f:.1f} {quality.prob_f:.2e} "
        f"{quality.log_likelihood:.2f} {quality.aic:.0f} {quality.bic:.0f} | {regression.n} "
        f"{regression.df_resid} {regression.df_model} {regression.condition_number:.0f}"
    )
    assert printed == (
        "7.0326 0.458 15.360 0.000 6.130 7.935 | 0.0475 0.003 17.668 0.000 0.042 0.053 | "
        "0.612 0.610 312.1 1.47e-42 -519.05 1042 1049 | 200 198 1 338"
    )


@pytest.mark.parametrize("partitions", [1, 4])
@pytest.mark.parametrize("terms", ["tv", "tv + radio", "radio + tv + newspaper", "newspaper", "1"])
def test_every_figure_agrees_with_statsmodels(terms: str, partitions: int) -> None:
    regression = regression_of(f"sales ~ {terms}", partitions)
    data = dict(zip(streams.FIELDS, np.array(streams.advertising()).T, strict=True))
    design = np.column_stack([np.ones(200), *(data[term] for term in regression.formula.terms)])
    theirs = OLS(data["sales"], design).fit()
    rows = regression.coefficients.values()
    quality = regression.quality
    ours = {
        "params": [row.coef for row in rows],
        "bse": [row.se for row in rows],
        "tvalues": [row.t for row in rows],
        "pvalues": [row.p for row in rows],
        "low": [row.low for row in rows],
        "high": [row.high for row in rows],
        "quality": [quality.log_likelihood, quality.aic, quality.bic, quality.residual_sd],
        "df": [regression.df_model, regression.df_resid, regression.n],
        "condition_number": regression.condition_number,
    }
    low, high = theirs.conf_int().T
    expected = {
        "params": theirs.params,
        "bse": theirs.bse,
        "tvalues": theirs.tvalues,
        "pvalues": theirs.pvalues,
        "low": low,
        "high": high,
        "quality": [theirs.llf, theirs.aic, theirs.bic, math.sqrt(theirs.mse_resid)],
        "df": [theirs.df_model, theirs.df_resid, theirs.nobs],
        "condition_number": theirs.condition_number,
    }
    for figure, value in expected.items():
        assert ours[figure] == pytest.approx(value, rel=1e-9), figure
    if regression.df_model:
        assert quality.r2 == pytest.approx(theirs.rsquared, rel=1e-9)
        assert quality.adjusted_r2 == pytest.approx(theirs.rsquared_adj, rel=1e-9)
        assert quality.f == pytest.approx(theirs.fvalue, rel=1e-9)
        assert quality.prob_f == pytest.approx(theirs.f_pvalue, rel=1e-9)


def test_intervals_of_a_prediction_agree_with_statsmodels() -> None:
    data = np.array(streams.advertising())
    theirs = OLS(data[:, 3], add_constant(data[:, :2])).fit()
    regression = regression_of("sales ~ tv + radio")
    for tv, radio, level in [(50, 10, 0.95), (500, -20, 0.5), (147, 23, 0.999)]:
        frame = theirs.get_prediction([[1, tv, radio]]).summary_frame(alpha=1 - level)
        expected = frame[["mean", "obs_ci_lower", "obs_ci_upper"]].to_numpy()[0]
        ours = predict(regression, {"tv": tv, "radio": radio, "other": 1}, level)
        assert ours == pytest.approx(tuple(expected), rel=1e-9)


@pytest.mark.parametrize("noise", [0.3, 1.0, 3.0])
def test_an_interval_covers_a_fresh_outcome_as_often_as_it_says(noise: float) -> None:
    fresh = noisy(20_000, noise, seed=99)
    hits = 0
    for seed in range(1000):
        regression = fitted(FIELDS, noisy(30, noise, seed))
        for a, b, y in fresh[seed::1000]:
            _, low, high = predict(regression, {"a": a, "b": b})
            hits += low <= y <= high
    assert 0.94 <= hits / len(fresh) <= 0.96


def test_the_intercept_alone_is_the_mean_with_its_error() -> None:
    regression = fit(summed(FIELDS, noisy(50)), Formula("y", ()))
    y = np.array(noisy(50))[:, 2]
    row = regression.coefficients["Intercept"]
    assert row.coef == pytest.approx(y.mean(), rel=1e-12)
    assert row.se == pytest.approx(y.std(ddof=1) / math.sqrt(50), rel=1e-12)
    assert (regression.quality.f, regression.quality.prob_f) == (None, None)
    assert (regression.quality.r2, regression.quality.adjusted_r2) == (0.0, 0.0)


def test_a_perfect_fit_leaves_undefined_what_divides_by_its_noise() -> None:
    rows = [(float(a), float(b), 1 + 2.0 * a - 3 * b) for a in range(20) for b in range(20)]
    regression = fitted(FIELDS, rows)
    for row, truth in zip(regression.coefficients.values(), (1, 2, -3), strict=True):
        assert row.coef == pytest.approx(truth, rel=1e-12)
        assert (row.se, row.t, row.p) == (0.0, None, None)
        assert row.low == row.coef == row.high
    quality = regression.quality
    assert (quality.residual_sd, quality.r2, quality.adjusted_r2) == (0.0, 1.0, 1.0)
    assert (quality.f, quality.prob_f, quality.log_likelihood) == (None, None, None)
    assert (quality.aic, quality.bic) == (None, None)


def test_a_million_events_have_the_coefficients_of_all_rows_at_once() -> None:
    count = 1_000_000
    draw = np.random.default_rng(8)
    x = draw.normal([100, -5, 3], [20, 1, 0.5], (count, 3))
    y = 4 + x @ [0.05, 2, -1] + draw.normal(0, 2, count)
    fields = ("a", "b", "c", "y")
    summary = summed(fields, [tuple(row) for row in np.column_stack([x, y]).tolist()])
    regression = fit(summary, parse_formula("y ~ .", fields))
    expected = np.linalg.lstsq(np.column_stack([np.ones(count), x]), y)[0]
    ours = [row.coef for row in regression.coefficients.values()]
    assert ours == pytest.approx(expected, rel=1e-8)
    part = summary.parts[0]
    assert (part.blocks.factor.shape, part.history.rows.shape) == ((5, 5), (500, 4))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_too_few_events_are_counted_and_so_is_what_it_takes(count: int) -> None:
    with pytest.raises(
        RequestError, match=f"needs at least 4 events; there are {count}"
    ) as refused:
        fitted(FIELDS, noisy(count))
    assert refused.value.code is ErrorCode.TOO_FEW_EVENTS


def test_one_event_more_than_coefficients_will_do() -> None:
    assert fitted(FIELDS, noisy(4)).df_resid == 1


@pytest.mark.parametrize(("column", "name"), [(0, "a"), (1, "b"), (2, "y")])
@pytest.mark.parametrize("value", [0.0, 0.1, 1e12])
def test_a_constant_field_is_named(column: int, name: str, value: float) -> None:
    rows = [(*row[:column], value, *row[column + 1 :]) for row in noisy(1000)]
    with pytest.raises(RequestError, match=rf"{name} is .* in all 1000 events") as refused:
        fitted(FIELDS, rows)
    assert refused.value.code is ErrorCode.CONSTANT_FIELD


def test_a_field_that_varies_by_rounding_alone_is_refused_as_constant() -> None:
    rows = [(1e12 + a % 2 / 1000, b, y) for a, b, y in noisy(1000)]
    with pytest.raises(RequestError, match="a varies only between") as refused:
        fitted(FIELDS, rows)
    assert refused.value.code is ErrorCode.CONSTANT_FIELD


@pytest.mark.slow
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_a_collinear_field_is_named_after_a_million_events(offset: float) -> None:
    count = 1_000_000
    draw = np.random.default_rng(2)
    a, b = offset + draw.normal(size=(2, count))
    y = a + b + draw.normal(size=count)
    fields = ("a", "b", "duplicate", "multiple", "total", "y")
    rows = np.column_stack([a, b, a, 0.1 * a - 7, a + b, y])
    summary = summed(fields, [tuple(row) for row in rows.tolist()])
    for field, sources in (("duplicate", "a"), ("multiple", "a"), ("total", "a, b")):
        with pytest.raises(RequestError, match=f"{field} follows from {sources} in all") as refused:
            fit(summary, Formula("y", ("a", "b", field)))
        assert refused.value.code is ErrorCode.COLLINEAR_FIELD


def test_a_field_that_is_another_but_for_a_billionth_is_refused_as_collinear() -> None:
    rows = [(a, a + 1e-9 * b, y) for a, b, y in noisy(1000)]
    with pytest.raises(RequestError, match="b follows from a in all 1000 events"):
        fitted(FIELDS, rows)


def test_a_sum_of_fields_far_from_zero_is_refused_though_rounding_sets_it_apart() -> None:
    fields = ("a", "b", "total", "y")
    rows = [(1e10 + a, 1e10 + b, 2e10 + a + b, y) for a, b, y in noisy(1000)]
    with pytest.raises(RequestError, match="total follows from a, b in all 1000 events"):
        fitted(fields, rows)


def test_a_field_that_is_nearly_another_is_still_told_apart() -> None:
    draw = np.random.default_rng(6)
    a = draw.normal(size=2000)
    b = a + 1e-5 * draw.normal(size=2000)
    y = a - b + 1e-9 * draw.normal(size=2000)
    rows = list(zip(a.tolist(), b.tolist(), y.tolist(), strict=True))
    estimates = [row.coef for row in fitted(FIELDS, rows).coefficients.values()]
    assert estimates == pytest.approx([0, 1, -1], abs=1e-4)


def test_a_prediction_takes_every_term_and_a_level_between_0_and_1() -> None:
    regression = fitted(FIELDS, noisy(30))
    with pytest.raises(RequestError, match="missing: b;") as refused:
        predict(regression, {"a": 1.0})
    assert refused.value.code is ErrorCode.MISSING_FIELD
    for level in (0.0, 1.0, -1.0, math.nan):
        with pytest.raises(RequestError, match="level") as refused:
            predict(regression, {"a": 1.0, "b": 1.0}, level)
        assert refused.value.code is ErrorCode.BAD_PARAMS


def test_what_is_beyond_a_double_is_refused() -> None:
    rows = [(1e-310 * a, b, 1e12 * y) for a, b, y in noisy(30)]
    with pytest.raises(RequestError, match="rescale") as refused:
        fitted(FIELDS, rows)
    assert refused.value.code is ErrorCode.OUT_OF_RANGE


def test_the_reply_is_plain_and_flat() -> None:
    reply = fitted(FIELDS, noisy(30)).to_reply()
    assert list(reply) == [
        "formula", "n", "df_model", "df_resid", "coefficients", "residual_sd", "r2",
        "adjusted_r2", "f", "prob_f", "log_likelihood", "aic", "bic", "condition_number",
    ]  # fmt: skip
    assert reply["formula"] == "y ~ a + b"
    assert list(reply["coefficients"]) == ["Intercept", "a", "b"]
    assert list(reply["coefficients"]["a"]) == ["coef", "se", "t", "p", "low", "high"]
    assert orjson.loads(orjson.dumps(reply)) == reply


numbers = (
    st.integers(-3, 3).map(float) | st.floats(-1e12, 1e12) | st.floats(-1e-300, 1e-300)
)  # fmt: skip


@settings(deadline=None)
@given(rows=st.lists(st.tuples(numbers, numbers, numbers), max_size=90))
def test_whatever_the_rows_every_figure_is_finite_or_undefined_or_refused(rows: Rows) -> None:
    summary = summed(FIELDS, rows)
    replies: list[object] = []
    with suppress(RequestError):
        replies.append(describe(summary).fields)
        regression = fit(summary, Formula("y", ("a", "b")))
        replies += [regression.to_reply(), diagnose(summary, regression).to_reply()]
        replies += predict(regression, {"a": 1e12, "b": -1e12})
    assert all(map(math.isfinite, figures(replies)))


def figures(reply: object) -> Iterator[float]:
    """Every number in it, however deep."""
    if isinstance(reply, dict):
        reply = list(reply.values())
    if isinstance(reply, list):
        for member in reply:
            yield from figures(member)
    elif isinstance(reply, int | float):
        yield reply


def test_a_collinear_term_names_those_that_it_follows_from_and_no_others() -> None:
    rows = [(a, b, a * b, 2.0 * a * b - a, y) for a, b, y in noisy(200)]
    fields = ("a", "b", "c", "d", "y")
    with pytest.raises(RequestError, match="d follows from a, c in all 200 events"):
        fitted(fields, rows)
