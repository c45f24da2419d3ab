"""A changed model file: what is taken up without learning again, and what is refused by name."""

from collections.abc import Iterable
from typing import Any

import orjson
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from numpy import log  # noqa: F401 - statsmodels finds it here

from consumer.decode import Request
from consumer.decode.mapping import read_model
from consumer.explore.check import check
from consumer.model import Model, ModelSpec, Partition
from consumer.model.answer import answer
from consumer.model.statistics.inference.robust import Errors
from consumer.state import snapshot
from consumer.state.belonging import ForeignError
from consumer.state.snapshot import Part
from contract.messages import Method
from unit.model.test_gaps import MODEL, data
from unit.records import Record

CITY = '[fields.city]\ntype = "category"\nlevels = ["Rome", "Oslo"]\n'


def spec(text: str, learner: str = "bayesian") -> ModelSpec:
    return ModelSpec.of_file(read_model(text), learner, 16)


def events(rows: pd.DataFrame, first: int = 0) -> list[Record]:
    return [
        Record(
            first + number,
            orjson.dumps({key: value for key, value in row.items() if not pd.isna(value)}),
            number,
        )
        for number, row in enumerate(rows.to_dict("records"))
    ]


def saved(partition: Partition) -> tuple[bytes, bytes]:
    """Both parts as documents of the changelog."""
    parts = (snapshot.take(partition, 0, ""), snapshot.take_history(partition, 0, ""))
    return snapshot.write(parts[0]), snapshot.write(parts[1])


def taken_up(documents: Iterable[bytes], made: ModelSpec) -> Partition:
    """A partition of another model from documents."""
    regression, history = (snapshot.read(it, 0, made)[0] for it in documents)
    partition = regression.restore(made)
    partition.take_up(history.history(made))
    return partition


def changed(text: str, n: int = 300) -> tuple[Partition, pd.DataFrame]:
    """A partition that learned by MODEL and is taken up by another, and what it learned."""
    rows = data(n)
    partition = Partition(spec(MODEL))
    partition.fold(events(rows))
    return taken_up(saved(partition), spec(text)), rows


def assert_fits(partition: Partition, text: str, rows: pd.DataFrame) -> None:
    model = Model(partition.spec, {0: partition.view()})
    expected = smf.ols(text, rows.dropna(subset=["y"])).fit()
    found = model.fit(model.spec.parse(text))
    assert found.n == expected.nobs
    for term, row in found.coefficients.items():
        assert row.coef == pytest.approx(expected.params[term], rel=1e-9, abs=1e-9)
        assert row.se == pytest.approx(expected.bse[term], rel=1e-9)
    robust, expected = model.fit(found.formula, Errors.HC1), expected.get_robustcov_results("HC1")
    errors = [row.se for row in robust.coefficients.values()]
    names = expected.model.exog_names
    assert dict(zip(robust.coefficients, errors, strict=True)) == pytest.approx(
        dict(zip(names, expected.bse, strict=True)), rel=1e-9
    )


def ask(partition: Partition, method: Method, **params: object) -> dict[str, Any]:
    model = Model(partition.spec, {0: partition.view()})
    return answer(Request(method, params), model)


def test_a_changed_formula_needs_no_relearning() -> None:
    text = MODEL.replace("y ~ a + os", "y ~ log(b) + b").replace('"log(b)"', '"a"')
    partition, rows = changed(text)
    assert_fits(partition, "y ~ log(b) + b", rows)
    assert_fits(partition, "y ~ a + os", rows)
    more = data(200, 7)
    partition.fold(events(more, 300))
    everything = pd.concat([rows, more])
    assert_fits(partition, "y ~ log(b) + b", everything)
    model = Model(partition.spec, {0: partition.view()})
    own = model.fit(model.spec.formula)
    assert [*model.coefficients.values()] == pytest.approx(
        [row.coef for row in own.coefficients.values()], rel=1e-8
    )
    train = ask(partition, Method.TRAIN)
    assert train["since"] == {"0": 300}
    assert train["prequential"]["recent"]["n"] <= len(more)


def test_a_field_that_is_added_is_missing_in_what_was_learned() -> None:
    partition, rows = changed(MODEL.replace('"b:os"]', '"b:os", "a:city"]') + CITY)
    assert_fits(partition, "y ~ a * os", rows)
    more = data(300, 9)
    more["city"] = pd.Categorical(["Rome", "Oslo", "Oslo"] * 100, categories=["Rome", "Oslo"])
    partition.fold(events(more, 300))
    assert_fits(partition, "y ~ a * city", more)
    assert_fits(partition, "y ~ a + os", pd.concat([rows, more]))
    summary = ask(partition, Method.DESCRIBE)["summary"]["city"]
    assert summary["known_from"] == {"0": 300}
    assert summary["missing"] == len(rows.dropna(subset=["y"]))
    again = taken_up(saved(partition), partition.spec)
    assert again.to_state() == partition.to_state()


def test_a_field_that_is_removed_drops_its_columns() -> None:
    text = MODEL.replace('"log(b)", "b:os"', '"a:os"').replace("[fields.b]\n", "")
    partition, rows = changed(text)
    assert_fits(partition, "y ~ a + os", rows)
    partition.fold(events(data(100, 3), 300))
    assert_fits(partition, "y ~ a * os", pd.concat([rows, data(100, 3)]))


def test_the_order_of_fields_does_not_matter() -> None:
    head, *fields = MODEL.split("[fields.")
    partition, rows = changed(head + "".join(f"[fields.{it}" for it in reversed(fields)))
    assert_fits(partition, "y ~ a * os", rows)
    assert_fits(partition, "y ~ log(b) + a", rows)


@pytest.mark.parametrize("more", [0, 30, 200])
def test_a_history_that_is_behind_reads_on_as_the_model_before_did(more: int) -> None:
    rows = data(400)
    log_ = events(rows)
    partition = Partition(spec(MODEL))
    partition.fold(log_[:200])
    _, history = saved(partition)
    partition.fold(log_[200:])
    regression, _ = saved(partition)
    made = spec(MODEL + CITY)
    partition = taken_up((regression, history), made)
    rest = events(data(more, 4), 400)
    # The regression goes on and is saved by the new model; the history still is the old one's.
    whole = taken_up((regression, history), made)
    whole.fold([*log_, *rest])
    again = snapshot.read(snapshot.write(snapshot.take(whole, 0, "")), 0, made)[0].restore(made)
    again.take_up(snapshot.read(history, 0, made)[0].history(made))
    again.fold([*log_, *rest])
    assert again.has_whole_history
    assert again.history_state() == whole.history_state()
    assert again.to_state() == whole.to_state()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("[fields.a]", '[fields.a]\npath = "p.a"'), "fields.a.path: 'None'"),
        (("[fields.a]", "[fields.a]\ntext = true"), "fields.a.text"),
        (('"web"]', '"web", "tv"]'), "fields.os.levels"),
        (('formula = "y ~ a + os"', 'formula = "a ~ os"'), "another target: 'y'"),
        (("[fields.y]", "[fields.y]\nrange = [0, 9]"), "fields.y.range"),
        (("keep", "where = \"x == '1'\"\nkeep"), "another where"),
        (('"log(b)"', '"log(b)", "log(a)"'), "keeps no columns for log(a)"),
        (('"b:os"]', '"b:os", "a:b"]'), "keeps no columns for a:b"),
    ],
)
def test_what_would_read_the_events_otherwise_is_refused_by_name(
    change: tuple[str, str], said: str
) -> None:
    assert change[0] in MODEL
    with pytest.raises(ForeignError, match="choose a new APPLICATION_ID") as refused:
        changed(MODEL.replace(*change))
    assert said in str(refused.value)


def test_another_learner_and_flat_numbers_are_refused() -> None:
    partition = Partition(spec(MODEL))
    partition.fold(events(data(100)))
    document, _ = saved(partition)
    with pytest.raises(ForeignError, match="learner"):
        snapshot.read(document, 0, spec(MODEL, "sgd"))
    flat = ModelSpec(("y", "a"), spec(MODEL).parse("y ~ a"), "bayesian")
    with pytest.raises(ForeignError, match="model"):
        snapshot.read(document, 0, flat)


PROMOTED = MODEL.replace("y ~ a + os", "y ~ log(b) + os").replace('"log(b)"', '"a"')
BESIDE = f'challengers = ["y ~ log(b) + os", "y ~ a"]\n{MODEL}'


def test_a_promoted_challenger_answers_as_if_it_had_been_the_model_all_along() -> None:
    rows, more = data(300), data(200, 7)
    champion, all_along = Partition(spec(BESIDE)), Partition(spec(PROMOTED))
    for partition in (champion, all_along):
        partition.fold(events(rows))
    promoted = taken_up(saved(champion), spec(f'challengers = ["y ~ a"]\n{PROMOTED}'))
    for partition in (promoted, all_along):
        partition.fold(events(more, 300))
    question = {"b": 3.5, "os": "web"}
    answers = [ask(it, Method.PREDICT, **question) for it in (promoted, all_along)]
    assert numbers(answers[0]) == pytest.approx(numbers(answers[1]), rel=1e-9)
    tables = [ask(it, Method.TRAIN) for it in (promoted, all_along)]
    for term, row in tables[1]["coefficients"].items():
        assert numbers(tables[0]["coefficients"][term]) == pytest.approx(numbers(row), rel=1e-9)
    (beside,) = tables[0]["challengers"]
    assert beside["since"] == {"0": 300}  # it is compared with another formula now
    assert beside["n"] < len(more)


def numbers(reply: dict[str, Any]) -> list[float]:
    """The figures of a reply that are numbers, in their order."""
    found = {**reply, **reply.get("interval", {}), **reply.get("always_valid", {})}
    return [value for value in found.values() if type(value) is float]


def test_a_changed_list_of_challengers_is_no_change_of_the_model() -> None:
    partition = Partition(spec(BESIDE))
    partition.fold(events(data(300)))
    for text, known in ((BESIDE, 2), (BESIDE.replace('"y ~ a"', '"y ~ os"'), 1), (MODEL, 0)):
        (found,) = snapshot.read(saved(partition)[0], 0, spec(text))
        assert found.is_current
        assert found.change is None
        kept = [it for it in found.restore(spec(text)).challengers if it.since is None]
        assert len(kept) == known
    (older,) = snapshot.read(saved(taken_up(saved(partition), spec(MODEL)))[0], 0, spec(BESIDE))
    assert [it.since for it in older.restore(spec(BESIDE)).challengers] == [300, 300]


def test_a_field_that_is_added_leaves_challengers_as_they_are() -> None:
    partition = Partition(spec(BESIDE))
    partition.fold(events(data(300)))
    found = taken_up(saved(partition), spec(BESIDE + CITY))
    assert found.to_state()["challengers"] == partition.to_state()["challengers"]
    for ours, theirs in zip(found.challengers, partition.challengers, strict=True):
        assert ours.known.coefficients == pytest.approx(theirs.known.coefficients, rel=1e-12)


def test_check_says_which_challengers_are_new() -> None:
    partition = Partition(spec(BESIDE))
    partition.fold(events(data(100)))
    log_ = [(0, Record(0, saved(partition)[0], 0, Part.REGRESSION.key(0)))]
    assert check(spec(BESIDE), log_) == (True, ["partition 0: the saved state is of this model"])
    _, (_, new) = check(spec(BESIDE.replace('"y ~ a"', '"y ~ os"')), log_)
    assert new.startswith("partition 0: challengers: y ~ os is new")
    _, (formula, *others) = check(spec(f'challengers = ["y ~ a"]\n{PROMOTED}'), log_)
    assert "becomes y ~ log(b) + os" in formula
    assert [it.partition("challengers: ")[2][:5] for it in others] == ["y ~ a"]


def test_what_a_history_reads_again_is_not_counted_again() -> None:
    rows = data(300).astype({"os": object})
    rows.loc[::3, "os"] = "tv"
    made = spec(MODEL.replace('"web"]', '"web"]\nother = "other"'))
    log_ = events(rows)
    partition = Partition(made)
    partition.fold(log_[:100])
    history = saved(partition)[1]
    partition.fold(log_[100:])
    again = taken_up((saved(partition)[0], history), made)
    assert again.fold(log_).undeclared == {}
    assert again.has_whole_history
