"""The main job end to end: real Kafka, the real consumer process, the real commands."""

import json
import socket
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import orjson
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from broker import EmbeddedKafka, ports
from contract.environment import Environment
from contract.examples import load_events
from contract.messages import DEAD_LETTER_BYTES, MAX_MESSAGE_BYTES, Outcome
from producer import PredictionClient, PredictionError, PredictionTimeoutError
from support.service import LEARNED, Service
from support.waiting import wait_until

from .conftest import Start

ADVERTISING = Path(__file__).parents[2].parent / "shared" / "data" / "advertising.csv"
EVENT = b'{"tv": 230.1, "radio": 37.8, "newspaper": 69.2, "sales": 22.1}'


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """One of the producer's commands."""
    command = [sys.executable, "-m", "producer", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def simulate(count: int, seed: int = 1) -> None:
    assert run("simulate", "--count", str(count), "--seed", str(seed)).returncode == 0


def produce(settings: Environment, topic: str, *records: dict[str, Any]) -> None:
    producer = KafkaProducer(bootstrap_servers=list(settings.kafka_bootstrap_servers))
    futures = [producer.send(topic, **record) for record in records]
    for future in futures:
        future.get(timeout=30)
    producer.close()


def read_all(settings: Environment, topic: str, count: int) -> list[Any]:
    """The first ``count`` records of a topic."""
    consumer = KafkaConsumer(
        bootstrap_servers=list(settings.kafka_bootstrap_servers), auto_offset_reset="earliest"
    )
    consumer.assign([TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic)])
    found: list[Any] = []
    deadline = time.monotonic() + 30
    while len(found) < count and time.monotonic() < deadline:
        for records in consumer.poll(timeout_ms=200).values():
            found += records
    consumer.close()
    return found


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


def test_refused_events_become_dead_letters_and_nothing_else(
    service: Service, settings: Environment
) -> None:
    examples = load_events()
    huge = b'{"tv": "' + b"x" * MAX_MESSAGE_BYTES + b'"}'
    values = [example.value for example in examples] + [huge]
    records = [{"value": value, "key": b"k", "partition": 0} for value in values]
    produce(settings, settings.events_topic, *records)
    refused = [
        (offset, example)
        for offset, example in enumerate(examples)
        if example.outcome is Outcome.REFUSED
    ]
    learned = sum(example.outcome is Outcome.LEARNED for example in examples)
    letters = read_all(settings, f"{settings.events_topic}.dead-letters", len(refused) + 1)
    by_key = {letter.key.decode(): letter for letter in letters}
    assert len(by_key) == len(letters) == len(refused) + 1
    for offset, example in refused:
        letter = by_key[f"{settings.events_topic}-0-{offset}"]
        headers = dict(letter.headers)
        assert headers["riverline.reason"].decode() == example.reason, example.name
        assert headers["riverline.offset"] == str(offset).encode()
        assert letter.value == example.value
    cut = by_key[f"{settings.events_topic}-0-{len(examples)}"]
    assert len(cut.value) == DEAD_LETTER_BYTES
    assert dict(cut.headers)["riverline.length"] == str(len(huge)).encode()
    wait_until(lambda: service.metric(LEARNED) == learned)
    assert service.metric('riverline_events_total{outcome="refused"}') == len(refused) + 1


class _BadName(str):
    """A header key that is not UTF-8 on the wire."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return b"\xff\xfe"


@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_a_record_that_the_client_cannot_unpack_is_stepped_over(
    service: Service, settings: Environment, place: str
) -> None:
    pill = {"value": EVENT, "headers": [(_BadName("x"), b"\x00")], "partition": 0}
    good = {"value": EVENT, "partition": 0}
    batch = {"first": [pill, good, good], "middle": [good, pill, good], "last": [good, good, pill]}
    produce(settings, settings.events_topic, *batch[place])
    wait_until(lambda: service.metric(LEARNED) == 2)
    produce(settings, settings.events_topic, good)
    wait_until(lambda: service.metric(LEARNED) == 3)
    (letter,) = read_all(settings, f"{settings.events_topic}.dead-letters", 1)
    assert dict(letter.headers)["riverline.reason"] == b"unreadable"
    assert EVENT in letter.value
    position = {"first": 0, "middle": 1, "last": 2}[place]
    assert letter.key == f"{settings.events_topic}-0-{position}".encode()


def ask_raw(settings: Environment, value: bytes | None, **headers: bytes) -> None:
    """Send a request with just these headers."""
    request = {"value": value, "key": b"mine", "headers": list(headers.items())}
    produce(settings, settings.requests_topic, request)


def test_a_request_with_an_id_alone_is_answered_on_the_default_topic(
    service: Service, settings: Environment
) -> None:
    assert service.ready
    ask_raw(settings, b"not json", correlation_id=b"\x00\xff")
    (reply,) = read_all(settings, settings.replies_topic, 1)
    assert orjson.loads(reply.value)["error"]["code"] == "bad-json"
    assert reply.key == b"mine"
    assert dict(reply.headers) == {
        "correlation_id": b"\x00\xff",
        "content-type": b"application/json",
    }


def test_a_reply_topic_of_the_services_own_is_never_written_to(
    service: Service, settings: Environment
) -> None:
    own = settings.events_topic.encode()
    ask_raw(settings, b'{"tv": 1}', correlation_id=b"a", reply_to=own)
    (reply,) = read_all(settings, settings.replies_topic, 1)
    assert orjson.loads(reply.value)["error"]["code"] == "bad-reply-address"
    refused = 'riverline_requests_total{method="unknown",outcome="refused"}'
    wait_until(lambda: service.metric(refused) == 1)
    assert service.metric(LEARNED) == 0


def test_a_reply_topic_that_is_made_a_moment_later_is_waited_for(
    service: Service, settings: Environment
) -> None:
    later = f"f-reply-{uuid.uuid4().hex}"
    ask_raw(settings, b"{}", correlation_id=b"a", reply_to=later.encode())
    with PredictionClient(settings) as client, pytest.raises(PredictionError):
        client.predict(tv=1)  # nobody else is held up
    admin = KafkaAdminClient(bootstrap_servers=list(settings.kafka_bootstrap_servers))
    admin.create_topics({later: {"num_partitions": 1}})
    admin.close()
    (reply,) = read_all(settings, later, 1)
    assert "error" in orjson.loads(reply.value)
    assert service.ready


def test_a_reply_topic_that_never_comes_is_told_on_the_default_topic(
    service: Service, settings: Environment
) -> None:
    ask_raw(settings, b"{}", correlation_id=b"a", reply_to=b"prediction-reply-nowhere")
    (reply,) = read_all(settings, settings.replies_topic, 1)
    assert orjson.loads(reply.value)["error"]["code"] == "bad-reply-address"
    assert service.ready


def test_a_request_past_its_deadline_is_counted_and_told_our_clock(
    service: Service, settings: Environment
) -> None:
    ask_raw(settings, b'{"tv": 1}', correlation_id=b"late", deadline=b"1000")
    ask_raw(settings, b'{"tv": 1}', correlation_id=b"in-time", deadline=b"9999999999999")
    replies = read_all(settings, settings.replies_topic, 2)
    by_id = {dict(reply.headers)["correlation_id"]: orjson.loads(reply.value) for reply in replies}
    assert by_id[b"in-time"]["error"]["code"] == "too-few-events"
    assert by_id[b"late"]["error"]["code"] == "expired"
    assert "compare clocks: this service's says 20" in by_id[b"late"]["error"]["message"]
    wait_until(
        lambda: service.metric('riverline_requests_total{method="predict",outcome="expired"}') == 1
    )


def test_sigterm_ends_with_0_within_five_seconds_under_load(service: Service) -> None:
    simulate(20_000)
    started = time.monotonic()
    assert service.stop() == 0
    assert time.monotonic() - started < 5


def test_faulty_settings_are_all_named_and_end_with_2(start: Start) -> None:
    service = start(wait=False, HTTP_PORT="never", FORMULA="sales ~ colour")
    assert service.process.wait(timeout=30) == 2
    said = service.log.read_text()
    assert "HTTP_PORT:" in said
    assert "FORMULA:" in said
    assert "Traceback" not in said


def test_kafka_may_come_later_and_may_be_killed(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = ports.free_port("127.0.0.1")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", f"127.0.0.1:{port}")
    service = start(wait=False)
    wait_until(lambda: "waiting for Kafka" in service.log.read_text())
    assert (service.status("/livez"), service.status("/readyz")) == (200, 503)
    with EmbeddedKafka(port=port, data=tmp_path) as kafka:
        wait_until(lambda: service.ready)
        assert service.log.read_text().count("waiting for Kafka") == 1
        simulate(5_000, seed=1)
        sending = threading.Thread(target=simulate, args=(30_000, 2))
        sending.start()
        wait_until(lambda: service.metric(LEARNED) > 6_000)
        kafka.kill()
        wait_until(lambda: not service.ready)
        kafka.start()
        sending.join()
        wait_until(lambda: service.metric(LEARNED) >= 35_000)
        wait_until(lambda: service.ready and service.metric("riverline_events_behind") == 0)
        assert service.metric(LEARNED) == 35_000
        with PredictionClient() as client:
            assert client.predict(tv=50)["events"] == 35_000
        assert service.process.poll() is None


@pytest.mark.slow
def test_waiting_for_kafka_gathers_no_threads(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:  # it takes connections and drops them
        monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", f"127.0.0.1:{nobody.getsockname()[1]}")
        nobody.settimeout(30)
        service = start(wait=False)
        threads = Path(f"/proc/{service.process.pid}/task")
        wait_until(lambda: service.status("/livez") == 200)
        counts = []
        for _ in range(30):
            nobody.accept()[0].close()
            counts.append(len(list(threads.iterdir())))
        assert max(counts) <= min(counts) + 3


def test_a_late_reply_is_passed_over(service: Service, settings: Environment) -> None:
    assert service.ready
    with PredictionClient(settings) as client:
        with pytest.raises(PredictionTimeoutError):
            client.predict(tv=1, timeout=0.0001)
        with pytest.raises(PredictionError, match="too-few-events"):
            client.predict(tv=1)
