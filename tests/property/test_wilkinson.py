"""Formulas by the model file: columns, names and figures are those of formulaic and statsmodels."""

import warnings
from collections.abc import Mapping as Map
from typing import Any

import numpy as np
import pandas as pd
import pytest
from formulaic import model_matrix
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from consumer.decode.mapping import read_model
from consumer.model.answer import answer
from consumer.model.merged import Model
from consumer.model.partition import Partition
from consumer.model.spec import ModelSpec
from consumer.model.statistics.kept.columns import Selection
from unit.records import Record

OS = ["iOS", "Android", "other"]
PLANS = ["free", "paid"]

FIELDS = """
[fields.y]
[fields.x]
[fields."a.b"]
[fields.z]
[fields.os]
type = "category"
levels = ["iOS", "Android"]
other = "other"
[fields.plan]
type = "category"
levels = ["free", "paid"]
[fields.premium]
type = "boolean"
"""

FACTORS = [
    "x",
    "z",
    "`a.b`",
    "os",
    "plan",
    "premium",
    "C(os)",
    "C(premium)",
    "log(z)",
    "log1p(x ** 2)",
    "sqrt(z)",
    "exp(x / 10)",
    "I(x ** 2)",
    "I(x * `a.b` - 3)",
    "log(`a.b` + 10)",
]

FUNCTIONS: dict[str, Any] = {"log": np.log, "log1p": np.log1p, "sqrt": np.sqrt, "exp": np.exp}


def spec_of(formula: str) -> ModelSpec:
    return ModelSpec.of_file(read_model(f"formula = {formula!r}\n{FIELDS}"), "bayesian")


def frame(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    data = pd.DataFrame(
        {
            "x": rng.normal(2, 3, n),
            "a.b": rng.uniform(-5, 5, n),
            "z": rng.gamma(2, 3, n) + 0.1,
            "os": pd.Categorical(rng.choice(OS, n), categories=OS),
            "plan": pd.Categorical(rng.choice(PLANS, n), categories=PLANS),
            "premium": rng.random(n) < 0.4,
        }
    )
    codes = data["os"].cat.codes.to_numpy()
    data["y"] = 3 + data["x"] - 2 * codes + rng.normal(0, 1, n)
    return data


def raw(spec: ModelSpec, data: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The rows of a spec's fields, as the mapping reads them."""
    assert spec.mapping is not None
    rows = []
    for event in events(data):
        decoded = spec.mapping(Record(0, event))
        assert isinstance(decoded, tuple), decoded
        rows.append(decoded)
    return np.array(rows)


def events(data: pd.DataFrame) -> list[bytes]:
    return [
        line.encode()
        for line in data.to_json(orient="records", lines=True, double_precision=15).splitlines()
    ]


@st.composite
def formulas(draw: st.DrawFn) -> str:
    """Sums, products, powers and differences of the factors, with or without an intercept."""
    factor = st.sampled_from(FACTORS)
    product = st.lists(factor, min_size=1, max_size=3).map(":".join)
    crossed = st.lists(factor, min_size=2, max_size=2).map("*".join)
    power = st.lists(factor, min_size=2, max_size=3).map(lambda them: f"({' + '.join(them)})^2")
    terms = draw(st.lists(factor | product | crossed | power, min_size=1, max_size=4))
    text = " + ".join(terms)
    text = draw(st.sampled_from([text, f"0 + {text}", f"{text} - 1", f"1 + {text}"]))
    return draw(st.sampled_from([text, f"{text} - {terms[0]}", text]))


@settings(deadline=None, max_examples=60)
@given(right=formulas(), seed=st.integers(0, 2**32))
def test_the_design_is_formulaics_by_name_and_number(right: str, seed: int) -> None:
    data = frame(20, seed)
    try:
        spec = spec_of(f"y ~ {right}")
    except ValueError as fault:
        # More than three in a product; everything taken away again; a category with itself.
        assume(not any(it in str(fault) for it in ("numbers", "no term", "category twice")))
        raise
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = model_matrix(right, data, context=FUNCTIONS)
    assume(len(set(expected.columns)) == len(expected.columns))
    assert [*spec.formula.names] == [*expected.columns]
    rows = raw(spec, data)
    design = Selection(spec.formula, spec.columns)(spec.columns.design(rows))
    np.testing.assert_allclose(design[:, :-1], expected.to_numpy(float), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(design[:, -1], rows[:, spec.fields.index("y")])


TABLES = [
    "x + os",
    "x*os",
    "os - 1",
    "C(os) - 1 + x",
    "0 + x",
    "0 + x + z",
    "x:os",
    "x + os + plan + os:plan",
    "(x + os + plan)^2",
    "log(z) + premium",
    "I(x**2) + x",
    "sqrt(z)*plan",
    "C(premium) + x",
    "1",
]


def summed(spec: ModelSpec, data: pd.DataFrame, partitions: int = 3) -> Model:
    """The model of the data, dealt to the partitions in turn."""
    values = events(data)
    parts = {}
    for number in range(partitions):
        partition = Partition(spec)
        mine = values[number::partitions]
        result = partition.fold(Record(offset, value) for offset, value in enumerate(mine))
        assert result.learned == len(mine)
        parts[number] = partition.view()
    return Model(spec, parts)


def statsmodels_table(right: str, data: pd.DataFrame) -> Any:  # noqa: ANN401 - untyped
    """Least squares by statsmodels of formulaic's design, whose names are its terms."""
    import statsmodels.api as sm  # noqa: PLC0415

    return sm.OLS(data["y"], model_matrix(right, data, context=FUNCTIONS).astype(float)).fit()


def assert_equal(reply: Map[str, Any], fitted: Any) -> None:  # noqa: ANN401
    assert [*reply["coefficients"]] == [*fitted.params.index]
    low_high = fitted.conf_int()
    for term, row in reply["coefficients"].items():
        assert row["coef"] == pytest.approx(fitted.params[term], rel=1e-8, abs=1e-9)
        assert row["se"] == pytest.approx(fitted.bse[term], rel=1e-8)
        assert row["t"] == pytest.approx(fitted.tvalues[term], rel=1e-8, abs=1e-8)
        assert row["low"] == pytest.approx(low_high.loc[term, 0], rel=1e-8, abs=1e-8)
    assert reply["n"] == fitted.nobs
    assert (reply["df_model"], reply["df_resid"]) == (fitted.df_model, fitted.df_resid)
    assert reply["r2"] == pytest.approx(fitted.rsquared, abs=1e-9)
    assert reply["adjusted_r2"] == pytest.approx(fitted.rsquared_adj, abs=1e-9)
    if reply["f"] is not None:
        assert reply["f"] == pytest.approx(fitted.fvalue, rel=1e-8)
    assert reply["log_likelihood"] == pytest.approx(fitted.llf, rel=1e-9)
    assert reply["condition_number"] == pytest.approx(fitted.condition_number, rel=1e-6)


@pytest.mark.parametrize("right", TABLES)
def test_the_table_is_statsmodels(right: str) -> None:
    data = frame(300, 7)
    spec = spec_of(f"y ~ {right}")
    model = summed(spec, data)
    assert_equal(model_table(model), statsmodels_table(right, data))


def model_table(model: Model, formula: str | None = None) -> dict[str, Any]:
    from consumer.decode.request import Request  # noqa: PLC0415
    from contract.messages import Method  # noqa: PLC0415

    return answer(Request(Method.TRAIN, {"formula": formula}), model)
