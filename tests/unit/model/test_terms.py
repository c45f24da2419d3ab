"""What each term adds, against statsmodels, which fits again for each."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.outliers_influence import variance_inflation_factor
from statsmodels.tools import add_constant

from consumer.model.statistics.inference.terms import contributions
from unit import mtcars, streams
from unit.nist import LONGLEY, NORRIS, WAMPLER1
from unit.streams import Rows, fitted

DRAW = np.random.default_rng(1)
CORRELATED = DRAW.normal(1e4, 1, (500, 6)) @ np.triu(np.ones((6, 6)))
SETS = {
    "mtcars": (mtcars.FIELDS, mtcars.ROWS),
    "Longley": (LONGLEY.fields, LONGLEY.rows),
    "Norris": (NORRIS.fields, NORRIS.rows),
    "correlated": (("a", "b", "c", "d", "e", "y"), list(map(tuple, CORRELATED.tolist()))),
}


@pytest.mark.parametrize("partitions", [1, 3])
@pytest.mark.parametrize(("fields", "rows"), SETS.values(), ids=SETS)
def test_they_equal_statsmodels(fields: tuple[str, ...], rows: Rows, partitions: int) -> None:
    ours = contributions(fitted(fields, rows, partitions))
    assert tuple(ours) == fields[:-1]
    # Columns of mean 0 and length 1: else statsmodels loses digits of Longley. No figure changes.
    data = np.array(rows)
    data -= data.mean(axis=0)
    data /= np.linalg.norm(data, axis=0)
    x, y = add_constant(data[:, :-1]), data[:, -1]
    whole = OLS(y, x).fit()
    for j, it in enumerate(ours.values(), 1):
        without = OLS(y, np.delete(x, j, axis=1)).fit()
        f, p, _ = whole.compare_f_test(without)
        assert it.vif == pytest.approx(variance_inflation_factor(x, j), rel=1e-9)
        assert it.partial_r2 == pytest.approx(1 - whole.ssr / without.ssr, rel=1e-9, abs=1e-12)
        assert it.f == pytest.approx(f, rel=1e-9, abs=1e-9)
        assert it.p == pytest.approx(p, rel=1e-9)


def test_the_reference_data_too() -> None:
    ours = contributions(fitted(streams.FIELDS, streams.advertising(), partitions=4))
    x = add_constant(np.array(streams.advertising())[:, :-1])
    vifs = [variance_inflation_factor(x, j) for j in range(1, 4)]
    assert [it.vif for it in ours.values()] == pytest.approx(vifs, rel=1e-9)


def test_a_perfect_fit_has_no_test_but_inflation() -> None:
    for it in contributions(fitted(WAMPLER1.fields, WAMPLER1.rows)).values():
        assert (it.partial_r2, it.f, it.p) == (None, None, None)
        assert it.vif > 1


def test_an_intercept_alone_has_no_terms() -> None:
    assert contributions(fitted(("y",), [(float(i % 3),) for i in range(9)])) == {}


@given(st.floats(1e-9, 1e9), st.floats(-1e6, 1e6))
def test_no_unit_and_no_origin_changes_them(unit: float, origin: float) -> None:
    before = contributions(fitted(mtcars.FIELDS, mtcars.ROWS))
    moved = [((wt + origin) * unit, hp, mpg) for wt, hp, mpg in mtcars.ROWS]
    after = contributions(fitted(mtcars.FIELDS, moved))
    for name, it in before.items():
        assert after[name].vif == pytest.approx(it.vif, rel=1e-6)
        assert after[name].partial_r2 == pytest.approx(it.partial_r2, rel=1e-6)
