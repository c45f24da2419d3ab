"""A request and the model in; a reply out."""

import numpy as np
import orjson
import pytest

from consumer.decode.request import Request, decode_request
from consumer.decode.request_error import RequestError
from consumer.model import answer
from consumer.model.merged import Model
from consumer.model.served import Served
from contract.messages import ErrorCode, Method
from unit import streams
from unit.records import Record, event, folded, model, spec

# sales = 7 + 0.5 tv exactly; radio and newspaper go their own ways.
ROWS = [(float(i), i * i % 11.0, i % 3.0, 7.0 + 0.5 * i) for i in range(50)]
NOISY = [(*row[:3], row[3] + (-1.0) ** i) for i, row in enumerate(ROWS)]


def predict(served: Model, **params: object) -> answer.Reply:
    return answer.answer(Request(Method.PREDICT, dict(params)), served)


def train(served: Model, **params: object) -> answer.Reply:
    return answer.answer(Request(Method.TRAIN, dict(params)), served)


def refused(served: Model, value: bytes) -> RequestError:
    with pytest.raises(RequestError) as refusal:
        answer.answer(decode_request(value), served)
    return refusal.value


def test_the_reference_figure_comes_from_the_reference_data() -> None:
    rows = streams.advertising()
    reply = predict(model(rows), tv=50)
    assert reply["prediction"] == pytest.approx(9.409425570778684, rel=1e-7)
    assert reply["events"] == 200


@pytest.mark.parametrize("partitions", [1, 2, 4, 7])
def test_the_prediction_does_not_depend_on_the_number_of_partitions(partitions: int) -> None:
    reply = predict(model(ROWS, partitions=partitions), tv=50)
    assert reply["prediction"] == pytest.approx(32.0, rel=1e-8)
    assert reply["events"] == len(ROWS)


def test_a_reply_says_what_it_rests_on() -> None:
    for method in (Method.PREDICT, Method.TRAIN, Method.DESCRIBE):
        params = {"tv": 50.0} if method is Method.PREDICT else {}
        reply = answer.answer(Request(method, params), model(ROWS, partitions=2))
        assert (reply["formula"], reply["events"]) == ("sales ~ tv", 50)
        assert reply["positions"] == {"0": 25, "1": 25}


def test_the_configured_formula_is_answered_by_the_configured_learner() -> None:
    assert predict(model(ROWS), tv=50)["model"] == "bayesian"
    assert predict(model(ROWS, spec(learner="sgd")), tv=50)["model"] == "sgd"


@pytest.mark.parametrize(
    ("params", "formula"),
    [
        ({"radio": 3}, "sales ~ radio"),
        ({"radio": 3, "tv": 50}, "sales ~ tv + radio"),
        ({"newspaper": 1, "radio": 3, "tv": 50}, "sales ~ tv + radio + newspaper"),
        ({"tv": 50, "radio": 3, "formula": "sales ~ radio"}, "sales ~ radio"),
        ({"sales": 9, "formula": "tv ~ sales"}, "tv ~ sales"),
        ({"formula": "~ 1"}, "sales ~ 1"),
    ],
)
def test_any_other_formula_is_answered_by_the_exact_regression(
    params: dict[str, object], formula: str
) -> None:
    reply = predict(model(NOISY), **params)
    assert (reply["formula"], reply["model"]) == (formula, "ols")
    assert reply["interval"]["low"] < reply["prediction"] < reply["interval"]["high"]


@pytest.mark.parametrize("formula", ["sales ~ tv", "~tv", " sales~tv + tv + 1"])
def test_the_configured_formula_in_other_words_is_the_configured_formula(formula: str) -> None:
    served = model(NOISY)
    assert predict(served, tv=50, formula=formula) == predict(served, tv=50)


def test_a_wider_interval_has_a_higher_level() -> None:
    served = model(NOISY)
    default, wide = predict(served, tv=50), predict(served, tv=50, level=0.999)
    assert (default["interval"]["level"], wide["interval"]["level"]) == (0.95, 0.999)
    assert wide["interval"]["low"] < default["interval"]["low"]
    assert wide["interval"]["high"] > default["interval"]["high"]
    assert wide["prediction"] == default["prediction"]


def test_averaged_weights_say_so_and_have_no_interval() -> None:
    reply = predict(model(NOISY, spec(learner="sgd"), partitions=3), tv=50)
    assert reply["average_of_partitions"] == 3
    assert "interval" not in reply


def test_the_regression_of_any_formula_is_had_from_the_same_events() -> None:
    served = model(NOISY, partitions=3)
    assert train(served)["formula"] == "sales ~ tv"
    reply = train(served, formula="sales ~ .")
    assert list(reply["coefficients"]) == ["Intercept", "tv", "radio", "newspaper"]
    assert reply["coefficients"]["tv"]["coef"] == pytest.approx(0.5, abs=0.05)
    assert reply["residuals"]["window"] == 50


def test_each_coefficient_has_figures_that_hold_at_all_times() -> None:
    reply = train(model(NOISY, partitions=3))
    tv = reply["coefficients"]["tv"]
    assert tv["p"] < tv["always_valid"]["p"] < 0.05
    assert tv["always_valid"]["low"] < tv["low"] < tv["high"] < tv["always_valid"]["high"]


def test_they_are_narrowest_at_the_planned_events() -> None:
    served, planned = model(NOISY * 200), [1_000, 10_000, 100_000]  # 10,000 are learned
    widths = []
    for events in planned:
        reply = answer.answer(Request(Method.TRAIN, {}), served, events)
        row = reply["coefficients"]["tv"]["always_valid"]
        widths.append(row["high"] - row["low"])
        assert reply["mixture_precision"] == pytest.approx(events / 8.2, rel=0.02)
    assert min(widths) == widths[1]


def test_what_each_term_adds_is_said_if_it_is_asked_for() -> None:
    served = model(NOISY, partitions=3)
    assert "terms" not in train(served) | train(served, terms=False)
    reply = train(served, formula="sales ~ tv + radio", terms=True)
    assert list(reply["terms"]) == ["tv", "radio"]
    assert reply["terms"]["tv"]["p"] == reply["coefficients"]["tv"]["p"]


def test_a_summary_counts_every_field() -> None:
    reply = answer.answer(Request(Method.DESCRIBE, {}), model(ROWS, partitions=3))
    assert {field: row["count"] for field, row in reply["summary"].items()} == dict.fromkeys(
        ("tv", "radio", "newspaper", "sales"), 50
    )


def test_an_event_is_not_taken_for_a_question() -> None:
    with pytest.raises(ValueError, match="not a question"):
        answer.answer(Request(Method.LEARN, {}), model(ROWS))


def test_an_intercept_alone_predicts_the_mean_and_takes_no_features() -> None:
    served = model(ROWS, spec("sales ~ 1"))
    assert predict(served)["model"] == "bayesian"
    assert predict(served)["prediction"] == pytest.approx(np.mean([row[3] for row in ROWS]))


def test_stochastic_gradients_answer_too() -> None:
    served = model(ROWS * 20, spec(learner="sgd"), partitions=3)
    assert predict(served, tv=25)["prediction"] == pytest.approx(19.5, abs=1.0)


def test_a_feature_of_a_formula_that_is_named_is_due() -> None:
    given = b'{"radio": 1, "formula": "sales ~ tv + radio"}'
    refusal = refused(model(ROWS), given)
    assert refusal.code is ErrorCode.MISSING_FIELD
    assert refusal.message == "tv is missing; the formula is sales ~ tv + radio"


@pytest.mark.parametrize("formula", ["sales ~ 1", "sales ~ tv", "sales ~ tv + radio"])
@pytest.mark.parametrize("learner", ["bayesian", "sgd"])
def test_before_there_is_a_degree_of_freedom_to_judge_by_there_is_no_answer(
    formula: str, learner: str
) -> None:
    made = spec(formula, learner)
    rows = [(1.0, 2.0, 0.0, 3.0), (2.0, 1.0, 0.0, 4.0), (5.0, 3.0, 1.0, 6.0), (7.0, 9.0, 2.0, 5.0)]
    given = orjson.dumps(dict.fromkeys(made.formula.terms, 1.0))
    assert refused(Model(made, {}), given).code is ErrorCode.TOO_FEW_EVENTS
    needed = len(made.terms) + 1
    for events in range(needed):
        assert refused(model(rows[:events], made), given).code is ErrorCode.TOO_FEW_EVENTS
    enough = model(rows[:needed], made)
    assert "prediction" in answer.answer(decode_request(given), enough)


def test_without_events_nothing_is_summed_up() -> None:
    for method in (b"describe", b"train"):
        refusal = refused(Model(spec(), {}), b'{"method": "%s"}' % method)
        assert refusal.code is ErrorCode.TOO_FEW_EVENTS


def test_a_field_that_is_constant_or_follows_from_another_is_named() -> None:
    rows = [(float(i), 3.0 * i, 7.0, i % 4.0) for i in range(20)]
    constant = refused(model(rows), b'{"newspaper": 7}')
    assert (constant.code, "newspaper" in constant.message) == (ErrorCode.CONSTANT_FIELD, True)
    collinear = refused(model(rows), b'{"tv": 1, "radio": 3}')
    assert (collinear.code, "radio" in collinear.message) == (ErrorCode.COLLINEAR_FIELD, True)


def test_a_malformed_request_is_told_so_even_before_there_are_events() -> None:
    assert refused(Model(spec(), {}), b'{"tv": "x"}').code is ErrorCode.NOT_A_NUMBER


def test_a_partition_without_events_changes_no_answer() -> None:
    parts = model(ROWS).parts
    with_empty = Model(spec(), {**parts, 1: folded([]).view()})
    assert predict(with_empty, tv=50)["prediction"] == pytest.approx(32.0, rel=1e-8)
    assert with_empty.positions == {"0": 50, "1": 0}


def test_a_model_that_answers_does_not_change_when_more_is_learned() -> None:
    partition = folded([event(row) for row in ROWS])
    served = Model(spec(), {0: partition.view()})
    before = predict(served, tv=50)
    partition.fold(Record(offset, event((1.0, 0.0, 0.0, 1e6))) for offset in range(50, 250))
    assert predict(Model(spec(), served.parts), tv=50) == before


def test_before_anything_is_learned_the_model_says_nothing() -> None:
    served = Served(spec()).model
    assert (served.events, served.coefficients, served.positions) == (0, {}, {})
    assert served.errors == {"recent": {"n": 0}, "fading": {"factor": 0.999}}


def test_an_error_reply_has_a_code_and_a_message() -> None:
    reply = answer.error(RequestError(ErrorCode.BAD_PARAMS, "says why"))
    expected = {"error": {"code": "bad-params", "message": "says why"}}
    assert orjson.loads(orjson.dumps(reply)) == expected


def test_features_of_any_magnitude_that_is_read_give_a_finite_prediction() -> None:
    served = model([(1e12, 0, 0, 1e12), (-1e12, 0, 0, 1e12), (1e-12, 0, 0, -1e12), (1, 0, 0, 0)])
    for tv in (0.0, -0.0, 5e-324, 1e12, -1e12):
        assert np.isfinite(predict(served, tv=tv)["prediction"])


@pytest.mark.parametrize("partitions", [1, 3])
@pytest.mark.parametrize("learner", ["bayesian", "sgd"])
def test_a_feature_that_repeats_another_is_told_so_and_no_coefficient_is_shown(
    partitions: int, learner: str
) -> None:
    rows = [(1e5 + i, 1e5 + i, 0.0, 3.0 + i % 2) for i in range(1000)]
    served = model(rows, spec("sales ~ tv + radio", learner), partitions)
    assert refused(served, b'{"tv": 1e5, "radio": 1e5}').code is ErrorCode.COLLINEAR_FIELD
    assert served.coefficients == {}


def test_a_reply_with_a_number_that_is_none_is_never_sent() -> None:
    for number in (float("nan"), float("inf"), float("-inf")):
        with pytest.raises(ValueError, match="not finite"):
            answer.encode({"interval": {"low": number}})


def test_a_summary_shows_the_newest_events_to_who_asks() -> None:
    served = model(ROWS)
    reply = answer.answer(Request(Method.DESCRIBE, {"recent": 3}), served)
    assert reply["recent"] == {
        "fields": ["tv", "radio", "newspaper", "sales"],
        "rows": [list(row) for row in ROWS[-3:]],
    }
    assert "recent" not in answer.answer(Request(Method.DESCRIBE, {}), served)
    for count, shown in ((0, 0), (500, 50)):
        reply = answer.answer(Request(Method.DESCRIBE, {"recent": count}), served)
        assert len(reply["recent"]["rows"]) == shown


def test_a_regression_says_how_well_the_model_predicted() -> None:
    served = model(NOISY)
    assert train(served)["prequential"] == served.errors
    assert 0.5 < train(served)["prequential"]["mae"] < 2
