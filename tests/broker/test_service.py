"""The main job end to end: real Kafka, the real consumer process, the real commands."""

import json
import threading
from pathlib import Path

import orjson
import pytest

from contract.environment import Environment
from producer import PredictionClient, PredictionError, PredictionTimeoutError
from support.service import LEARNED, Service
from support.waiting import wait_until

from .conftest import Start
from .records import EVENT, produce, read_all, run, simulate

ADVERTISING = Path(__file__).parents[2].parent / "shared" / "data" / "advertising.csv"


def test_the_reference_data_gives_the_reference_prediction(service: Service) -> None:
    if not ADVERTISING.exists():
        pytest.skip(f"{ADVERTISING} is not there")
    sent = run("csv", str(ADVERTISING))
    assert sent.returncode == 0, sent.stderr
    assert "200 of 200 events" in sent.stderr
    wait_until(lambda: service.metric(LEARNED) == 200)
    asked = run("ask", "tv=50")
    assert asked.returncode == 0, asked.stderr
    reply = json.loads(asked.stdout)
    assert reply["prediction"] == pytest.approx(9.409425570778684, abs=1e-3)
    assert reply["formula"] == "sales ~ tv"
    assert reply["events"] == sum(reply["positions"].values()) == 200

    table = json.loads(run("ask", "--method", "train").stdout)
    printed = {
        "r2": "0.612",
        "adjusted_r2": "0.610",
        "f": "312.1",
        "log_likelihood": "-519.05",
        "aic": "1042",
        "bic": "1049",
        "condition_number": "338",
    }
    assert {name: _as_printed(table[name], text) for name, text in printed.items()} == printed
    assert f"{table['prob_f']:.2e}" == "1.47e-42"
    tv = {
        "coef": "0.0475",
        "se": "0.003",
        "t": "17.668",
        "p": "0.000",
        "low": "0.042",
        "high": "0.053",
    }
    row = table["coefficients"]["tv"]
    assert {name: _as_printed(row[name], text) for name, text in tv.items()} == tv
    residuals = {
        "omnibus": "0.531",
        "prob_omnibus": "0.767",
        "durbin_watson": "1.935",
        "jarque_bera": "0.669",
        "prob_jarque_bera": "0.716",
        "skew": "-0.089",
        "kurtosis": "2.779",
    }
    found = {name: _as_printed(table["residuals"][name], text) for name, text in residuals.items()}
    assert found == residuals

    taught = run("ask", "--method", "learn", "tv=50", "radio=20", "newspaper=10", "sales=9")
    assert json.loads(taught.stdout)["summary"]["tv"]["count"] == 201


def _as_printed(value: float, text: str) -> str:
    return f"{value:.{len(text.partition('.')[2])}f}"


def test_any_formula_is_answered_without_another_pass(
    service: Service, settings: Environment
) -> None:
    simulate(5_000)
    wait_until(lambda: service.metric(LEARNED) == 5_000)
    with PredictionClient(settings) as client:
        full = client.ask("train", {"formula": "sales ~ ."})
        truth = {"Intercept": 2.94, "tv": 0.0458, "radio": 0.1885, "newspaper": -0.001}
        for term, value in truth.items():
            row = full["coefficients"][term]
            assert abs(row["coef"] - value) < 4 * row["se"], term
        subset = client.predict(tv=50, radio=20)
        assert subset["formula"] == "sales ~ tv + radio"
        assert subset["model"] == "ols"
        assert subset["prediction"] == pytest.approx(2.94 + 0.0458 * 50 + 0.1885 * 20, abs=0.3)
        configured = client.predict(tv=50)
        assert (configured["model"], configured["formula"]) == ("bayesian", "sales ~ tv")
        for wrong, code in (
            ({"formula": "sales ~ colour"}, "unknown-field"),
            ({"formula": "sales ~ tv +"}, "bad-formula"),
            ({"formula": "__import__('os')"}, "bad-formula"),
        ):
            with pytest.raises(PredictionError, match=code):
                client.ask("train", wrong)


def test_an_event_that_asks_for_it_is_acknowledged_after_it_is_learned(
    service: Service, settings: Environment
) -> None:
    reply_to = settings.replies_topic.encode()
    headers = [("reply_to", reply_to), ("correlation_id", b"1")]
    produce(settings, settings.events_topic, {"value": EVENT, "headers": headers})
    (reply,) = read_all(settings, settings.replies_topic, 1)
    body = orjson.loads(reply.value)
    assert body["learned"] is True
    assert body["summary"]["sales"]["count"] == service.metric(LEARNED) == 1
    bad = {"value": b"{}", "headers": [("reply_to", reply_to), ("correlation_id", b"2")]}
    produce(settings, settings.events_topic, bad)
    replies = read_all(settings, settings.replies_topic, 2)
    by_id = {dict(reply.headers)["correlation_id"]: orjson.loads(reply.value) for reply in replies}
    assert by_id[b"2"]["error"]["code"] == "missing-field"


def test_the_sgd_learner_says_that_it_is_an_average(start: Start, settings: Environment) -> None:
    service = start(LEARNER="sgd")
    simulate(5_000)
    wait_until(lambda: service.metric(LEARNED) == 5_000)
    with PredictionClient(settings) as client:
        reply = client.predict(tv=50)
    assert (reply["model"], reply["average_of_partitions"]) == ("sgd", 4)
    assert "LEARNER=sgd: the weights of several partitions do not add up" in service.log.read_text()
    assert "interval" not in reply
    assert reply["prediction"] == pytest.approx(9.4, abs=1.5)


def test_a_question_that_cannot_be_answered_ends_with_1_and_says_why(service: Service) -> None:
    early = run("ask", "tv=50")
    assert (early.returncode, early.stdout) == (1, "")
    assert "too-few-events" in early.stderr
    simulate(100)
    wait_until(lambda: service.metric(LEARNED) == 100)
    wrong = run("ask", "tv=abc")
    assert wrong.returncode == 1
    assert "not-a-number: tv: expected a number, got a string" in wrong.stderr
    unknown = run("ask", "tv=50", "colour=3")
    assert unknown.returncode == 1
    assert "unknown-field: 'colour'" in unknown.stderr


def test_without_a_consumer_a_question_ends_with_1_and_says_so(names: dict[str, str]) -> None:
    assert names
    asked = run("ask", "tv=50", "--timeout", "1")
    assert asked.returncode == 1
    assert "are missing: start the consumer" in asked.stderr


def test_many_questions_in_flight_each_get_their_own_answer(
    service: Service, settings: Environment
) -> None:
    simulate(1000)
    wait_until(lambda: service.metric(LEARNED) == 1000)
    wrong: list[tuple[float, float]] = []
    with PredictionClient(settings) as client:
        low, high = (client.predict(tv=tv)["prediction"] for tv in (0, 100))

        def ask(first: int) -> None:
            for tv in range(first, 800, 8):
                due = low + (high - low) * tv / 100
                got = client.predict(tv=tv)["prediction"]
                if got != pytest.approx(due, rel=1e-9):
                    wrong.append((due, got))

        threads = [threading.Thread(target=ask, args=(first,)) for first in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []
    answered = 'riverline_requests_total{method="predict",outcome="answered"}'
    wait_until(lambda: service.metric(answered) == 802)


def test_a_late_reply_is_passed_over(service: Service, settings: Environment) -> None:
    assert service.ready
    with PredictionClient(settings) as client:
        with pytest.raises(PredictionTimeoutError):
            client.predict(tv=1, timeout=0.0001)
        with pytest.raises(PredictionError, match="too-few-events"):
            client.predict(tv=1)
