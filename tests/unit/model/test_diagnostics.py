"""Residual diagnostics, against statsmodels."""

import numpy as np
import pytest
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.stattools import durbin_watson, jarque_bera, omni_normtest
from statsmodels.tools import add_constant

from consumer.decode.formula import Formula
from consumer.model.statistics.inference.diagnostics import Diagnostics, diagnose, kurtosis_score
from consumer.model.statistics.kept.history import WINDOW
from consumer.model.statistics.regression import fit
from consumer.model.statistics.summary import Summary
from unit import streams
from unit.streams import Rows, summed

FIELDS = ("x", "y")
FORMULA = Formula("y", ("x",))


def diagnosed(summary: Summary, formula: Formula = FORMULA) -> Diagnostics:
    return diagnose(summary, fit(summary, formula))


def rows(count: int, skew: float = 1.0) -> Rows:
    draw = np.random.default_rng(count)
    x = draw.normal(size=count)
    return list(zip(x.tolist(), (3 * x + draw.gamma(skew, 1, count)).tolist(), strict=True))


def test_the_reference_figures_come_out_to_the_printed_digits() -> None:
    summary = summed(streams.FIELDS, streams.advertising())
    figures = diagnosed(summary, Formula("sales", ("tv",))).to_reply()
    assert {name: round(value or 0, 3) for name, value in figures.items()} == {
        "window": 200,
        "omnibus": 0.531,
        "prob_omnibus": 0.767,
        "durbin_watson": 1.935,
        "jarque_bera": 0.669,
        "prob_jarque_bera": 0.716,
        "skew": -0.089,
        "kurtosis": 2.779,
    }


@pytest.mark.parametrize("count", [8, 20, 100, WINDOW])
@pytest.mark.parametrize("skew", [0.1, 1.0, 100.0])
def test_figures_are_those_of_statsmodels_while_the_window_holds_every_row(
    count: int, skew: float
) -> None:
    data = rows(count, skew)
    figures = diagnosed(summed(FIELDS, data, partitions=2))
    x, y = np.array(data).T
    residuals = OLS(y, add_constant(x)).fit().resid
    omnibus, prob_omnibus = omni_normtest(residuals)
    statistic, prob, skewness, kurtosis = jarque_bera(residuals)
    expected = {
        "window": count,
        "omnibus": omnibus,
        "prob_omnibus": prob_omnibus,
        "durbin_watson": durbin_watson(residuals),
        "jarque_bera": statistic,
        "prob_jarque_bera": prob,
        "skew": skewness,
        "kurtosis": kurtosis,
    }
    assert figures.to_reply() == pytest.approx(expected, rel=1e-9)


def test_beyond_the_window_the_last_rows_are_judged_by_the_regression_of_all() -> None:
    data = rows(2000)
    summary = summed(FIELDS, data)
    x, y = np.array(data).T
    residuals = OLS(y, add_constant(x)).fit().resid
    figures = diagnosed(summary)
    assert figures.window == WINDOW
    assert figures.durbin_watson == pytest.approx(durbin_watson(residuals[-WINDOW:]), rel=1e-9)


def test_under_eight_rows_the_omnibus_is_undefined_and_the_others_are_not() -> None:
    figures = diagnosed(summed(FIELDS, rows(7)))
    assert figures.omnibus is None
    assert figures.prob_omnibus is None
    assert None not in (figures.durbin_watson, figures.jarque_bera, figures.kurtosis)


def test_a_perfect_fit_has_no_residuals_to_judge() -> None:
    figures = diagnosed(summed(FIELDS, [(float(x), 2.0 * x + 1) for x in range(20)]))
    assert figures == Diagnostics(window=20)


def test_residuals_of_any_size_give_the_same_figures() -> None:
    data = rows(50)
    whole = diagnosed(summed(FIELDS, data))
    for scale in (2.0**-900, 2.0**30):
        scaled = [(x, scale * y) for x, y in data]
        assert diagnosed(summed(FIELDS, scaled)).to_reply() == pytest.approx(whole.to_reply())


def test_the_kurtosis_score_is_finite_on_its_pole_and_on_both_sides() -> None:
    pole = 1.5142786239370807  # the very double where the denominator is 0 for 200 rows
    scores = [kurtosis_score(kurtosis, 200) for kurtosis in (1.0, pole, 1.6, 9.0)]
    assert np.isfinite(scores).all()
