"""Events that lack fields serve every formula that does not need what they lack."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from numpy import log  # noqa: F401 - statsmodels finds it here

from consumer.decode import Request, RequestError
from consumer.decode.mapping import read_model
from consumer.model import Model, ModelSpec, Partition
from consumer.model.answer import answer
from consumer.model.statistics.kept.running import MAX_GAPS
from contract.messages import Method, Outcome, Reason
from producer.simulate import nested
from unit.model_files import example
from unit.records import Record, restored

MODEL = """
formula = "y ~ a + os"
keep = ["a:os", "log(b)", "b:os"]
[fields.y]
[fields.a]
[fields.b]
[fields.os]
type = "category"
levels = ["iOS", "Android", "web"]
"""
FORMULAS = (
    "y ~ a + os",
    "y ~ a",
    "y ~ b",
    "y ~ a * os",
    "y ~ log(b) + a",
    "y ~ 0 + os",
    "b ~ a",
    "y ~ 1",
)


def spec(text: str = MODEL) -> ModelSpec:
    return ModelSpec.of_file(read_model(text), "bayesian")


def data(n: int, seed: int = 0) -> pd.DataFrame:
    """Rows with gaps in every field but the target, which few lack."""
    made = np.random.default_rng(seed)
    rows = pd.DataFrame({"a": made.normal(5, 2, n), "b": made.gamma(2, 3, n)})
    rows["os"] = made.choice(["iOS", "Android", "web"], n)
    shift = rows["os"].map({"iOS": 0.0, "Android": 3.0, "web": -1.0})
    rows["y"] = 2 + 3 * rows["a"] - rows["b"] + shift + made.normal(0, 1, n)
    for name, share in (("a", 0.2), ("b", 0.3), ("os", 0.1), ("y", 0.02)):
        rows.loc[made.random(n) < share, name] = None
    rows["os"] = pd.Categorical(rows["os"], categories=["iOS", "Android", "web"])
    return rows


def records(rows: pd.DataFrame) -> Iterator[Record]:
    for offset, row in enumerate(rows.to_dict("records")):
        event = {key: value for key, value in row.items() if not pd.isna(value)}
        yield Record(offset, orjson.dumps(event), offset)


def folded(rows: pd.DataFrame, made: ModelSpec | None = None) -> Partition:
    partition = Partition(made or spec())
    partition.fold(records(rows))
    return partition


def ask(model: Model, method: Method, **params: object) -> dict[str, Any]:
    return answer(Request(method, params), model)


def test_each_formula_is_statsmodels_on_the_rows_that_have_what_it_needs() -> None:
    rows = [data(400, seed) for seed in (1, 2)]
    parts = [folded(it) for it in rows]
    model = Model(spec(), {number: part.view() for number, part in enumerate(parts)})
    whole = pd.concat(rows).dropna(subset=["y"])
    assert model.events == len(whole)
    for text in FORMULAS:
        expected = smf.ols(text, whole).fit()
        found = model.fit(model.spec.parse(text))
        assert found.n == expected.nobs
        assert {*found.coefficients} == {*expected.params.index}
        for term, row in found.coefficients.items():
            assert row.coef == pytest.approx(expected.params[term], rel=1e-9, abs=1e-9)
            assert row.se == pytest.approx(expected.bse[term], rel=1e-9)
    own = model.fit(model.spec.formula)
    assert [*model.coefficients.values()] == pytest.approx(
        [row.coef for row in own.coefficients.values()], rel=1e-8
    )


def test_a_state_with_gaps_comes_back_bit_for_bit() -> None:
    partition = folded(data(300))
    again = restored(partition)
    assert again.to_state() == partition.to_state()
    assert again.history_state() == partition.history_state()
    assert "gaps" in partition.to_state()["statistics"]
    rest = [Record(it.offset + 300, it.value, it.timestamp) for it in records(data(100, 5))]
    for one in (partition, again):
        one.fold(rest)
    assert again.to_state() == partition.to_state()
    for text in FORMULAS:
        fits = [
            Model(it.spec, {0: it.view()}).fit(it.spec.parse(text)) for it in (partition, again)
        ]
        assert fits[0].coefficients == fits[1].coefficients


def test_blocks_do_not_depend_on_polls() -> None:
    rows, partition = data(300), Partition(spec())
    for record in records(rows):
        partition.fold([record])
    assert partition.to_state() == folded(rows).to_state()


def test_describe_counts_what_is_there_and_what_is_missing() -> None:
    rows = data(1200).dropna(subset=["y"])
    model = Model(spec(), {0: folded(rows).view()})
    summary = ask(model, Method.DESCRIBE)["summary"]
    for name in ("a", "b"):
        expected = rows[name].describe()
        assert summary[name]["count"] == expected["count"]
        assert summary[name]["missing"] == rows[name].isna().sum()
        for key in ("mean", "std", "min", "max"):
            assert summary[name][key] == pytest.approx(expected[key], rel=1e-9)
        assert summary[name]["50%"] == pytest.approx(expected["50%"], rel=0.1)
    assert summary["os"]["levels"] == rows["os"].value_counts().to_dict()
    assert summary["os"]["missing"] == rows["os"].isna().sum()
    few = ask(Model(spec(), {0: folded(rows[:200]).view()}), Method.DESCRIBE)["summary"]
    assert few["b"]["25%"] == pytest.approx(rows["b"][:200].quantile(0.25))


def test_a_field_that_no_event_has_is_described_as_missing() -> None:
    rows = data(50).dropna(subset=["y"])
    rows["b"] = None
    summary = ask(Model(spec(), {0: folded(rows).view()}), Method.DESCRIBE)["summary"]
    assert (summary["b"]["count"], summary["b"]["missing"]) == (0, len(rows))
    assert summary["b"]["mean"] is None


def many(n: int) -> str:
    fields = "\n".join(f"[fields.x{number}]" for number in range(n))
    return f'formula = "y ~ x0"\n[fields.y]\n{fields}'


def test_beyond_the_most_gaps_a_new_one_is_refused_and_known_ones_count_on() -> None:
    made = spec(many(8))
    partition = Partition(made)
    events = [
        {"y": 1.0, **{f"x{bit}": 1.0 for bit in range(8) if number >> bit & 1}}
        for number in range(256)
    ]
    result = partition.fold(
        Record(offset, orjson.dumps(event), 0) for offset, event in enumerate(events * 2)
    )
    assert result.learned == 2 * MAX_GAPS + 2  # that without a gap, too
    assert {it.why.reason for it in result.refused} == {Reason.TOO_MANY_GAPS}
    assert partition.counts[Outcome.REFUSED] == 2 * (256 - MAX_GAPS - 1)
    assert restored(partition).to_state() == partition.to_state()


def test_what_a_formula_does_not_need_may_be_left_out_of_a_question() -> None:
    model = Model(spec(), {0: folded(data(400)).view()})
    reply = ask(model, Method.PREDICT, a=4.0, os="web", b=None)
    assert math.isfinite(reply["prediction"])
    event = ask(model, Method.PREDICT, event={"a": 4.0, "os": "web"})
    assert event["prediction"] == reply["prediction"]


def test_the_simulated_nested_events_are_learned_by_the_example_of_segment() -> None:
    partition = Partition(example("segment"))
    result = partition.fold(
        Record(offset, orjson.dumps(event)) for offset, event in enumerate(nested(2000, 1))
    )
    assert result.refused == []
    assert result.skipped > 400
    model = Model(partition.spec, {0: partition.view()})
    assert model.fit(model.spec.parse("revenue ~ price")).coefficients["price"].coef == (
        pytest.approx(1.5, abs=0.05)
    )


def test_texts_that_are_not_levels_are_counted_and_the_most_frequent_are_told() -> None:
    partition = Partition(spec())
    texts = ["tv"] * 30 + ["watch"] * 20 + [f"t{number}" for number in range(5)] + ["web"] * 40
    records = [
        Record(offset, orjson.dumps({"y": offset, "a": 1.0, "os": text}))
        for offset, text in enumerate(texts)
    ]
    result = partition.fold(records[:50])
    assert {name: len(found) for name, found in result.undeclared.items()} == {"os": 50}
    partition.fold(records[50:])
    again = restored(partition)
    for one in (partition, again):
        model = Model(spec(), {0: one.view()})
        ask(model, Method.PREDICT, a=1.0, os="web", formula="y ~ 1")
        undeclared = ask(model, Method.DESCRIBE)["summary"]["os"]["undeclared"]
        assert [*undeclared.items()][:2] == [("tv", 30), ("watch", 20)]
    with pytest.raises(RequestError):
        ask(model, Method.PREDICT, a=1.0, os="nothing")
    assert partition.fold([]).undeclared == {}
