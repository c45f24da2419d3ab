"""Challengers: against a plain loop over all rows, over partitions, restarts and changed lists."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pytest
from jsonschema import Draft202012Validator
from prometheus_client import CollectorRegistry

from consumer.decode import Request
from consumer.model import Model, ModelSpec, Partition, Served
from consumer.model.answer import answer
from consumer.model.challengers.challenger import Challenger
from consumer.model.challengers.comparison import Comparison
from consumer.model.estimators.posterior import mean
from consumer.model.statistics.factor import Floats
from consumer.model.statistics.inference.anytime import PLANNED_EVENTS, optimal_g
from consumer.state import snapshot
from consumer.telemetry import ChallengerCollector
from contract.messages import Method
from contract.schemas import load_schema
from unit.model.test_gaps import MODEL, data, records, spec
from unit.records import Record

LIST = ["y ~ a", "~ b + os", "y ~ 0 + a + log(b)"]
BESIDE = f"challengers = {LIST}\n{MODEL}"
OF = ("y ~ a", "y ~ b + os", "y ~ 0 + a + log(b)")
RESTARTS = (1, 63, 64, 65, 200)


def columns(of: str) -> Callable[[dict[str, Any]], list[float]]:
    """The design of an event, NaN for what it lacks, by hand."""

    def levels(row: dict[str, Any]) -> list[float]:
        return [math.nan if pd.isna(row["os"]) else row["os"] == it for it in ("Android", "web")]

    return {
        "y ~ a + os": lambda row: [1.0, row["a"], *levels(row)],
        "y ~ a": lambda row: [1.0, row["a"]],
        "y ~ b + os": lambda row: [1.0, row["b"], *levels(row)],
        "y ~ 0 + a + log(b)": lambda row: [row["a"], math.log(row["b"])],
    }[of]


def offline(rows: pd.DataFrame, of: str) -> list[float]:
    """Each row's target less its prediction by all rows before it that have the fields."""
    design: list[Floats] = []
    targets: list[float] = []
    errors: list[float] = []
    for row in rows.to_dict("records"):
        x = np.array(columns(of)(row), float)
        if pd.isna(row["y"]) or np.isnan(x).any():
            errors.append(math.nan)
            continue
        known = np.array(design)
        p = len(x)
        if len(design) > p and np.linalg.matrix_rank(known) == p:
            errors.append(row["y"] - x @ np.linalg.lstsq(known, np.array(targets), rcond=None)[0])
        else:
            errors.append(math.nan)
        design.append(x)
        targets.append(row["y"])
    return errors


def half_width(n: int, g: float) -> float:
    """In standard errors, as docs/STATISTICS.md has it."""
    r = g / (g + n)
    u = (r * 0.05**2) ** (1 / n)
    return math.sqrt((n - 1) * (1 - u) / (u - r))


def split(rows: pd.DataFrame, partitions: int) -> list[pd.DataFrame]:
    return [rows.iloc[number::partitions] for number in range(partitions)]


def restarted(partition: Partition, made: ModelSpec | None = None) -> Partition:
    """The partition from its state, through JSON, with its history."""
    state = orjson.loads(orjson.dumps(partition.to_state()))
    found = Partition.from_state(made or partition.spec, state)
    found.take_up(partition.saved_history())
    return found


def folded(rows: pd.DataFrame, made: ModelSpec, restart: int | None = None) -> Partition:
    partition, events = Partition(made), list(records(rows))
    if restart is not None:
        partition.fold(events[:restart])
        partition.view()
        partition = restarted(partition)
    partition.fold(events)
    return partition


def compared(parts: Sequence[Partition], planned_events: int = PLANNED_EVENTS) -> list[Any]:
    model = Model(parts[0].spec, {number: part.view() for number, part in enumerate(parts)})
    return model.challengers(planned_events)


@pytest.mark.parametrize("planned_events", [PLANNED_EVENTS, 5000])
def test_all_figures_are_those_of_a_plain_loop_over_partitions_and_a_restart(
    planned_events: int,
) -> None:
    rows = split(data(900), 3)
    parts = [folded(part, spec(BESIDE), 100 + 40 * at) for at, part in enumerate(rows)]
    champion = np.concatenate([offline(part, "y ~ a + os") for part in rows])
    found = compared(parts, planned_events)
    assert tuple(it["formula"] for it in found) == OF
    for of, figures in zip(OF, found, strict=True):
        challenger = np.concatenate([offline(part, of) for part in rows])
        both = ~np.isnan(champion + challenger)
        ours, theirs = champion[both], challenger[both]
        d, n = ours**2 - theirs**2, both.sum()
        width = half_width(n, optimal_g(planned_events, 1)) * d.std(ddof=1) / math.sqrt(n)
        assert figures["n"] == n > 400
        assert [figures["mae"], figures["rmse"]] == pytest.approx(means(theirs), rel=1e-9)
        assert [*figures["champion"].values()] == pytest.approx(means(ours), rel=1e-9)
        assert [*figures["difference"].values()] == pytest.approx(
            [d.mean(), d.mean() - width, d.mean() + width], rel=1e-9
        )


def means(errors: Floats) -> list[float]:
    return [float(np.abs(errors).mean()), math.sqrt(np.square(errors).mean())]


@pytest.mark.parametrize("restart", RESTARTS)
def test_a_restart_changes_no_bit(restart: int) -> None:
    rows = data(300)
    whole = folded(rows, spec(BESIDE))
    assert folded(rows, spec(BESIDE), restart).to_state() == whole.to_state()


@pytest.mark.parametrize("n", [40, 64, 300])
def test_the_champion_does_not_notice_them(n: int) -> None:
    rows = data(n)
    beside, alone = folded(rows, spec(BESIDE)), folded(rows, spec())
    state = beside.to_state()
    assert len(state.pop("challengers")) == len(LIST)
    assert state == alone.to_state()
    assert beside.spec.identity() == alone.spec.identity()


def test_the_unfinished_block_counts_and_is_not_learned() -> None:
    rows = data(100)
    partition = folded(rows.iloc[:90], spec(BESIDE))
    before = partition.to_state()
    figures = compared([partition])
    assert partition.to_state() == before
    partition.fold(list(records(rows))[90:])
    assert [it["n"] for it in compared([partition])] > [it["n"] for it in figures]


def test_a_challenger_that_is_added_knows_all_and_is_compared_from_there() -> None:
    rows = data(600)
    events = list(records(rows))
    alone = Partition(spec(f"challengers = {LIST[:1]}\n{MODEL}"))
    alone.fold(events[:300])
    changed = restarted(alone, spec(BESIDE))
    changed.fold(events[300:])
    whole = folded(rows, spec(BESIDE))
    known, *added = compared([changed])
    assert known == compared([whole])[0]
    for figures, all_along in zip(added, compared([whole])[1:], strict=True):
        assert figures["since"] == {"0": 300}
        assert 100 < figures["n"] < all_along["n"] - 100
    for ours, theirs in zip(changed.challengers, whole.challengers, strict=True):
        assert answers(ours) == pytest.approx(answers(theirs), rel=1e-9)


def answers(challenger: Challenger) -> list[float]:
    """What its estimator knows: the coefficients."""
    view = challenger.estimator.view(
        challenger.known, np.empty((0, len(challenger.spec.terms) + 1))
    )
    known: list[float] = mean([view]).tolist()
    return known


def test_a_challenger_that_is_removed_leaves_nothing() -> None:
    partition = folded(data(300), spec(BESIDE))
    left = restarted(partition, spec())
    assert "challengers" not in left.to_state()
    assert left.to_state() == folded(data(300), spec()).to_state()


def test_train_shows_them_for_any_formula_and_nothing_without_them() -> None:
    rows = data(300)
    for text in (None, "y ~ b"):
        replies = []
        for made in (BESIDE, MODEL):
            model = Model(spec(made), {0: folded(rows, spec(made)).view()})
            params = {} if text is None else {"formula": text}
            replies.append(answer(Request(Method.TRAIN, params), model))
        assert replies[0].pop("challengers") == compared([folded(rows, spec(BESIDE))])
        assert replies[0] == replies[1]


@pytest.mark.parametrize("n", [5, 40, 300])
def test_replies_and_snapshots_are_as_their_schemas_say(n: int) -> None:
    partition = folded(data(n), spec(BESIDE))
    model = Model(partition.spec, {0: partition.view()})
    definitions = load_schema("reply")["$defs"]
    each = Draft202012Validator({"$ref": "#/$defs/challenger", "$defs": definitions})
    assert [fault for it in model.challengers() for fault in each.iter_errors(it)] == []
    written = orjson.loads(snapshot.write(snapshot.take(partition, 0, "")))
    assert [*Draft202012Validator(load_schema("snapshot")).iter_errors(written)] == []


def test_metrics_have_them_by_formula() -> None:
    served = Served(spec(BESIDE))
    served.own({0: folded(data(300), spec(BESIDE)).view()})
    registry = CollectorRegistry()
    registry.register(ChallengerCollector(served, PLANNED_EVENTS))
    for figures in served.model.challengers():
        labels = {"formula": figures["formula"]}
        value = registry.get_sample_value
        assert value("riverline_challenger_events", labels) == figures["n"]
        for of, errors in (("challenger", figures), ("champion", figures["champion"])):
            for metric in ("mae", "rmse"):
                named = labels | {"of": of, "metric": metric}
                assert value("riverline_challenger_error", named) == errors[metric]
        for bound, expected in figures["difference"].items():
            named = labels | {"bound": bound}
            assert value("riverline_challenger_difference", named) == expected


def test_before_the_first_prediction_there_is_only_a_count() -> None:
    assert compared([Partition(spec(BESIDE))]) == [{"formula": of, "n": 0} for of in OF]


def test_there_is_no_bound_while_there_are_too_few_events() -> None:
    figures = compared([folded(data(30), spec(BESIDE))])[0]
    assert 0 < figures["n"] < 29
    assert figures["difference"]["low"] is figures["difference"]["high"] is None


def test_events_that_one_of_both_cannot_predict_count_for_neither() -> None:
    nan = math.nan
    sums = Comparison.of(np.array([nan, 1.0, 3.0, nan]), np.array([1.0, nan, 2.0, nan]))
    assert sums == Comparison(1, 3.0, 9.0, 2.0, 4.0, 5.0, 0.0)


def test_errors_beyond_all_measure_leave_the_sums_finite() -> None:
    sums = Comparison.of(np.array([1e200, 1.0, -np.inf]), np.array([1.0, -1e300, 0.0]))
    assert np.isfinite(sums).all()
    assert Comparison.from_state(orjson.loads(orjson.dumps([*sums]))) == sums


@pytest.mark.parametrize(
    "change",
    [
        {"sums": [1, 1.0]},
        {"sums": [1, 1.0, 1.0, 1.0, 1.0, None, 1.0]},
        {"sums": [-1, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]},
        {"sums": [1, 1.0, 1.0, 1.0, 1.0, 1.0, 1e251]},
        {"since": -1},
        {"estimator": {}},
    ],
)
def test_a_damaged_state_is_refused(change: dict[str, Any]) -> None:
    state = folded(data(100), spec(BESIDE)).to_state()
    state["challengers"][0] |= change
    with pytest.raises((KeyError, TypeError, ValueError)):
        Partition.from_state(spec(BESIDE), state)


LATE = """
formula = "y ~ a"
challengers = ["y ~ a + b"]
{tables}
[fields.y]
[fields.a]
[fields.b]
"""
TABLES = """
[event]
id = "id"
[label]
where = "kind == 'answer'"
id = "id"
value = "y"
within = "7d"
"""


def test_where_labels_come_later_both_are_tested_at_the_labels_place() -> None:
    made = np.random.default_rng(5)
    rows = {str(it): made.normal(size=3).tolist() for it in range(200)}
    order = made.permutation([*rows]).tolist()
    questions = [{"id": it, "a": rows[it][0], "b": rows[it][1]} for it in rows]
    answers = [{"kind": "answer", "id": it, "y": rows[it][2]} for it in order]
    labelled = [dict(zip("aby", rows[it], strict=True)) for it in order]
    late, early = (Partition(spec(LATE.format(tables=it))) for it in (TABLES, ""))
    late.fold(log(questions + answers))
    early.fold(log(labelled))
    assert compared([late]) == compared([early])
    assert compared([late])[0]["n"] > 190


def log(events: Sequence[dict[str, Any]]) -> list[Record]:
    return [Record(offset, orjson.dumps(it), 0) for offset, it in enumerate(events)]
