"""Robust standard errors equal statsmodels' on all events, whatever formula is asked for later."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from numpy import log  # noqa: F401 - statsmodels finds it here

from consumer.decode import Formula, Request, RequestError
from consumer.decode.mapping import read_model
from consumer.model import Model, ModelSpec, Partition
from consumer.model.answer import answer
from contract.messages import ErrorCode, Method
from unit.model.test_gaps import MODEL, data, folded
from unit.records import Record, restored

KINDS = ("HC0", "HC1")
FLAT = ("a", "b", "c", "y")


def unequal(n: int, seed: int, *, origin: float = 0.0, scale: float = 1.0) -> pd.DataFrame:
    """Events whose noise grows with one field, at some distance from zero."""
    made = np.random.default_rng(seed)
    a, b, c = made.normal(0, 1, (3, n))
    y = 1 + 2 * a - b + 0.5 * c + (0.3 + a * a) * made.normal(0, 1, n)
    return pd.DataFrame({"a": origin + scale * a, "b": b, "c": made.gamma(1, 1, n), "y": y})


def streamed(rows: pd.DataFrame, made: ModelSpec, partitions: int = 3) -> Model:
    """The model of these rows, dealt to partitions each of which is restored in the middle."""
    parts = {}
    for number in range(partitions):
        part = folded(rows.iloc[number::partitions].iloc[:97], made)
        part = restored(part)
        later = rows.iloc[number::partitions].iloc[97:]
        part.fold(_records(later, 97))
        parts[number] = part.view()
    return Model(made, parts)


def _records(rows: pd.DataFrame, first: int) -> list[Record]:
    values = (row[~row.isna()].to_json().encode() for _, row in rows.iterrows())
    return [Record(first + at, value, first + at) for at, value in enumerate(values)]


def train(model: Model, **params: object) -> dict[str, Any]:
    return answer(Request(Method.TRAIN, dict(params)), model)


def must_equal(reply: dict[str, Any], found: Any, rel: float = 1e-9) -> None:  # noqa: ANN401 - statsmodels has no types
    assert set(reply["coefficients"]) == set(found.model.exog_names)
    ends = found.conf_int()
    for term, row in reply["coefficients"].items():
        assert row["se"] == pytest.approx(found.bse[term], rel=rel)
        assert row["t"] == pytest.approx(found.tvalues[term], rel=rel, abs=1e-9)
        assert row["p"] == pytest.approx(found.pvalues[term], rel=1e-6, abs=1e-12)
        assert [row["low"], row["high"]] == pytest.approx([*ends.loc[term]], rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "formula", ["y ~ a", "y ~ a + b + c", "c ~ a + y", "y ~ b"], ids=lambda it: it
)
def test_flat_numbers_have_statsmodels_errors(formula: str, kind: str) -> None:
    rows = unequal(700, 1)
    made = ModelSpec(FLAT, Formula("y", ("a", "b", "c")))
    reply = train(streamed(rows, made), formula=formula, errors=kind)
    found = smf.ols(formula, rows).fit(cov_type=kind, use_t=True)
    must_equal(reply, found)
    assert reply["errors"] == kind
    assert reply["f"] == pytest.approx(found.fvalue, rel=1e-9)
    assert reply["prob_f"] == pytest.approx(found.f_pvalue, rel=1e-6)


@pytest.mark.parametrize("formula", ["y ~ a + os", "y ~ a * os", "y ~ log(b) + a", "b ~ a"])
@pytest.mark.parametrize("kind", KINDS)
def test_categories_interactions_and_gaps_have_statsmodels_errors(formula: str, kind: str) -> None:
    rows, made = data(600, 3), ModelSpec.of_file(read_model(MODEL), "bayesian", 12)
    reply = train(streamed(rows, made), formula=formula, errors=kind)
    labelled = rows[rows["y"].notna()]
    must_equal(reply, smf.ols(formula, labelled).fit(cov_type=kind, use_t=True))


@pytest.mark.parametrize(("origin", "scale"), [(1e6, 1.0), (-3e4, 1e-3), (0.0, 1e9)])
def test_the_origin_of_a_field_and_its_unit_are_nothing_to_them(
    origin: float, scale: float
) -> None:
    there, here = unequal(500, 5, origin=origin, scale=scale), unequal(500, 5)
    made = ModelSpec(FLAT, Formula("y", ("a", "b", "c")))
    far, near = (
        train(streamed(rows, made), errors="HC0")["coefficients"]["a"]["se"]
        for rows in (there, here)
    )
    assert far * scale == pytest.approx(near, rel=1e-7)


def test_where_the_noise_is_equal_they_are_near_the_classical_ones() -> None:
    made = np.random.default_rng(11)
    a, b, c, noise = made.normal(0, 1, (4, 20_000))
    rows = pd.DataFrame({"a": a, "b": b, "c": c, "y": 1 + a - b + noise})
    model = streamed(rows, ModelSpec(FLAT, Formula("y", ("a", "b", "c"))))
    classical, robust = train(model), train(model, errors="HC1")
    for term, row in classical["coefficients"].items():
        assert robust["coefficients"][term]["se"] == pytest.approx(row["se"], rel=0.03)


def test_the_always_valid_figures_go_by_the_same_errors() -> None:
    model = streamed(unequal(700, 1), ModelSpec(FLAT, Formula("y", ("a", "b", "c"))))
    classical, robust = train(model), train(model, errors="HC1")
    of = [it["coefficients"]["a"] for it in (classical, robust)]
    assert of[1]["se"] > 1.5 * of[0]["se"]
    widths = [it["always_valid"]["high"] - it["always_valid"]["low"] for it in of]
    assert widths[1] / widths[0] == pytest.approx(of[1]["se"] / of[0]["se"])


def test_a_perfect_fit_has_no_errors_of_either_kind() -> None:
    made = ModelSpec(("x", "y"), Formula("y", ("x",)))
    rows = pd.DataFrame({"x": np.arange(200.0), "y": 3 * np.arange(200.0) - 1})
    reply = train(streamed(rows, made), errors="HC1")
    assert reply["coefficients"]["x"]["se"] == 0
    assert reply["coefficients"]["x"]["t"] is None


@pytest.mark.parametrize("kind", ["HC2", "HC3", "HC4", "cluster", "robust", 1, None, ["HC0"]])
def test_other_kinds_are_refused_by_name(kind: object) -> None:
    model = streamed(unequal(300, 1), ModelSpec(FLAT, Formula("y", ("a",))))
    with pytest.raises(RequestError) as refused:
        train(model, errors=kind)
    assert refused.value.code is ErrorCode.BAD_PARAMS
    assert "classical, HC0, HC1" in refused.value.message


def test_what_is_not_kept_is_said_with_the_way_out() -> None:
    without = ModelSpec(FLAT, Formula("y", ("a",)), robust_columns=3)
    with pytest.raises(RequestError) as refused:
        train(streamed(unequal(300, 1), without), errors="HC1")
    assert refused.value.code is ErrorCode.NOT_KEPT
    assert "ROBUST_COLUMNS=4" in refused.value.message


def test_a_state_that_began_without_them_never_claims_to_have_them() -> None:
    rows = unequal(300, 1)
    without = ModelSpec(FLAT, Formula("y", ("a",)), robust_columns=0)
    kept = ModelSpec(FLAT, Formula("y", ("a",)))
    part = Partition.from_state(kept, folded(rows.iloc[:200], without).to_state())
    part.fold(_records(rows.iloc[200:], 200))
    with pytest.raises(RequestError) as refused:
        train(Model(kept, {0: part.view()}), errors="HC1")
    assert refused.value.code is ErrorCode.NOT_KEPT
    assert "APPLICATION_ID" in refused.value.message


def test_too_many_kinds_of_gaps_give_them_up_and_nothing_else() -> None:
    names = [f"f{j}" for j in range(9)]
    text = 'formula = "y ~ f0"\n[fields.y]\n' + "".join(f"[fields.{it}]\n" for it in names)
    made = np.random.default_rng(3)
    rows = pd.DataFrame(made.normal(0, 1, (2000, 9)), columns=names)
    rows["y"] = rows["f0"] + made.normal(0, 1, 2000)
    rows = rows.mask(made.random(rows.shape) < np.where(rows.columns == "y", 0, 0.3))
    kept = ModelSpec.of_file(read_model(text), "bayesian", 12)
    model = Model(kept, {0: folded(rows, kept).view()})
    assert train(model)["n"] > 500
    with pytest.raises(RequestError) as refused:
        train(model, errors="HC0")
    assert refused.value.code is ErrorCode.NOT_KEPT
