"""What a caller of the HTTP API sees, beginning with the prototype's three calls."""

import gzip
import json
import random
import re
import socket
import subprocess
import uuid
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
from kafka import KafkaConsumer

from gateway.conftest import Make, World
from support.events import send_csv
from support.gateway import EVENT, FORM, GATEWAY, JSON, LINES, Gateway, running_gateway
from support.service import LEARNED
from support.waiting import wait_until

ADVERTISING = Path(__file__).parents[2].parent / "shared" / "data" / "advertising.csv"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
GZIP = {"Content-Encoding": "gzip"}


@pytest.fixture(scope="module")
def gateway(world: World) -> Gateway:
    """A gateway before a model that has learned sales = 7.1 + 0.05 tv; newspaper is twice radio."""
    events = [
        {"tv": tv, "radio": tv % 7, "newspaper": tv % 7 * 2, "sales": 7 + 0.05 * tv + tv % 3 / 9}
        for tv in range(300)
    ]
    answer = world.gateway.post("/v1/ia/events", events)
    assert (answer.status, answer.document["accepted"]) == (202, 300)
    wait_until(lambda: world.service.metric(LEARNED) == 300)
    return world.gateway


def test_the_prototypes_three_calls_answer_as_they_did(make: Make) -> None:
    if not ADVERTISING.exists():
        pytest.skip(f"{ADVERTISING} is not there")
    world = make()
    send_csv(world.environment, ADVERTISING)
    wait_until(lambda: world.service.metric(LEARNED) == 200)

    table = world.gateway.get("/v1/ia/train", Accept=BROWSER)
    assert table.headers["content-type"] == "text/html; charset=utf-8"
    shown = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", table.text))
    for figures in (
        "Intercept 7.0326 0.458 15.360 0.000 6.130 7.935",
        "tv 0.0475 0.003 17.668 0.000 0.042 0.053",
        "R-squared 0.612",
        "Adj. R-squared 0.610",
        "F-statistic 312.1",
        "Prob (F-statistic) 1.47e-42",
        "Log-Likelihood -519.05",
        "AIC 1042",
        "BIC 1049",
        "No. Observations 200",
        "Df Residuals 198",
        "Df Model 1",
        "Cond. No. 338",
        "Omnibus 0.531",
        "Prob (Omnibus) 0.767",
        "Durbin-Watson 1.935",
        "Jarque-Bera (JB) 0.669",
        "Prob (JB) 0.716",
        "Skew -0.089",
        "Kurtosis 2.779",
    ):
        assert f" {figures} " in shown

    predicted = world.gateway.get("/v1/ia/predict?tv=50")
    assert predicted.document["prediction"] == pytest.approx(9.409425570778684, abs=1e-3)

    form = "data[]=3.14&data[]=34.6&data[]=12.2&data[]=8.4"
    learned = world.gateway.send("POST", "/v1/ia/learn", form, FORM)
    assert learned.status == 202
    assert {field["count"] for field in learned.document["summary"].values()} == {201}


def test_a_prediction_is_asked_for_by_query_or_by_body(gateway: Gateway) -> None:
    by_query = gateway.get("/v1/ia/predict?tv=50&level=0.9")
    by_body = gateway.post("/v1/ia/predict", {"tv": 50, "level": 0.9})
    assert by_query.status == by_body.status == 200
    assert by_query.document == by_body.document
    assert by_query.document["prediction"] == pytest.approx(9.6, abs=0.1)
    assert by_query.document["interval"]["level"] == 0.9
    other = gateway.get("/v1/ia/predict?radio=3&formula=sales%20~%20radio")
    assert (other.document["model"], other.document["formula"]) == ("ols", "sales ~ radio")


def test_the_table_is_html_to_a_browser_and_json_to_others(gateway: Gateway) -> None:
    assert gateway.get("/v1/ia/train").headers["content-type"].startswith("application/json")
    assert gateway.get("/v1/ia/train", Accept="*/*").document["n"] >= 300
    html = gateway.get("/v1/ia/train?formula=sales~tv%2Bradio", Accept=BROWSER)
    assert html.headers["content-type"].startswith("text/html")
    assert "sales ~ tv + radio" in html.text
    assert html.headers["vary"] == "Accept"
    assert gateway.get("/v1/ia/train", Accept="image/png").code == "not-acceptable"


def test_the_summary_is_there_with_the_newest_events_if_wanted(gateway: Gateway) -> None:
    plain = gateway.get("/v1/ia/describe").document
    assert plain["summary"]["tv"]["count"] >= 300
    assert "recent" not in plain
    assert len(gateway.get("/v1/ia/describe?recent=3").document["recent"]["rows"]) == 3


def test_an_answer_after_what_was_accepted_includes_it(gateway: Gateway) -> None:
    for _ in range(3):
        accepted = gateway.post("/v1/ia/events", [EVENT] * 7)
        asks = accepted.headers["riverline-at-least"]
        ((partition, position),) = accepted.document["at_least"].items()
        assert asks == f"{partition}:{position}"
        for answer in (
            gateway.get("/v1/ia/describe", **{"Riverline-At-Least": asks}),
            gateway.get(f"/v1/ia/predict?tv=50&at_least={asks}"),
            gateway.post("/v1/ia/predict", {"tv": 50, "at_least": accepted.document["at_least"]}),
        ):
            assert answer.status == 200
            assert answer.document["positions"][partition] >= position
    learned = gateway.post("/v1/ia/learn", EVENT)
    ((partition, position),) = learned.document["at_least"].items()
    assert learned.headers["riverline-at-least"] == f"{partition}:{position}"


def test_an_answer_that_would_include_what_is_not_there_is_refused_in_time(
    gateway: Gateway,
) -> None:
    late = gateway.get("/v1/ia/predict?tv=50&at_least=0:999999999")
    assert (late.status, late.code) == (504, "not-yet")
    assert late.document["positions"].keys() == {"0"}
    twice = gateway.get("/v1/ia/predict?tv=50&at_least=0:1", **{"Riverline-At-Least": "0:1"})
    assert (twice.status, twice.code) == (422, "bad-params")
    unknown = gateway.get("/v1/ia/predict?tv=50&at_least=99:1")
    assert (unknown.status, unknown.code) == (422, "bad-params")


def test_an_event_is_learned_before_the_answer(gateway: Gateway) -> None:
    before = gateway.get("/v1/ia/describe").document["events"]
    learned = gateway.post("/v1/ia/learn", EVENT)
    assert (learned.status, learned.document["learned"]) == (202, True)
    assert learned.document["events"] == before + 1
    assert gateway.get("/v1/ia/describe").document["events"] == before + 1


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/ia/predict?tv=abc", 422, "not-a-number"),
        ("/v1/ia/predict?tv=1e999", 422, "out-of-range"),
        ("/v1/ia/predict?tv=1e13", 422, "out-of-range"),
        ("/v1/ia/predict?tv=1&tv=2", 422, "bad-params"),
        ("/v1/ia/predict?colour=1", 422, "unknown-field"),
        ("/v1/ia/predict?tv=1&level=95", 422, "bad-params"),
        ("/v1/ia/predict", 422, "bad-params"),
        ("/v1/ia/predict?tv=1&formula=sales~tv%2Bradio", 422, "missing-field"),
        ("/v1/ia/train?formula=sales", 422, "bad-formula"),
        ("/v1/ia/train?formula=sales~price", 422, "unknown-field"),
        ("/v1/ia/describe?field=tv", 422, "bad-params"),
        ("/v1/ia/nothing", 404, "not-found"),
        ("/../../etc/passwd", 404, "not-found"),
        ("/%ff", 404, "not-found"),
    ],
)
def test_a_fault_of_the_caller_has_a_status_and_a_code(
    gateway: Gateway, path: str, status: int, code: str
) -> None:
    answer = gateway.get(path)
    assert (answer.status, answer.code) == (status, code)


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "code"),
    [
        ("predict", '{"tv": "50"}', JSON, 422, "not-a-number"),
        ("predict", '{"tv": 1e999}', JSON, 422, "out-of-range"),
        ("predict", '{"tv": ', JSON, 400, "bad-json"),
        ("predict", b'{"a\xff": 1}', JSON, 400, "bad-json"),
        ("predict", "[50]", JSON, 422, "bad-shape"),
        ("predict", '{"a":' * 100_000 + "1" + "}" * 100_000, JSON, 413, "too-large"),
        ("predict", '{"a":' * 40_000 + "1" + "}" * 40_000, JSON, 400, "bad-json"),
        ("predict", "tv=50", FORM, 415, "unsupported-media-type"),
        ("predict", None, JSON, 400, "bad-json"),
        ("predict", "{}", JSON | {"Content-Encoding": "lzma"}, 415, "unsupported-media-type"),
        ("predict", "{}", JSON | GZIP, 400, "bad-request"),
        ("learn", '{"tv": 1}', JSON, 422, "missing-field"),
        ("learn", "data[]=1&data[]=2", FORM, 422, "bad-shape"),
        ("learn", "data[]=1&data[]=2&data[]=3&data[]=x", FORM, 422, "not-a-number"),
        ("events", '{"tv": 1}', JSON, 422, "bad-shape"),
        ("events", '{"tv": 1}\nnot json\n', LINES, 400, "bad-json"),
        ("events", '{"tv": 1}\n[]\n', LINES, 422, "bad-shape"),
        ("events", "x" * 800_001, LINES, 413, "too-large"),
        ("events", "{}\n" * 10_001, LINES, 413, "too-large"),
        (
            "events",
            gzip.compress(b" " * 800_001),
            LINES | {"Content-Encoding": "gzip"},
            413,
            "too-large",
        ),
    ],
)
def test_a_fault_in_a_body_has_a_status_and_a_code(
    gateway: Gateway,
    path: str,
    body: bytes | str | None,
    headers: dict[str, str],
    status: int,
    code: str,
) -> None:
    answer = gateway.send("POST", f"/v1/ia/{path}", body, headers)
    assert (answer.status, answer.code) == (status, code)


@pytest.mark.parametrize("how", ["declared", "chunked", "gzip"])
def test_whoever_still_sends_when_refused_gets_the_answer(gateway: Gateway, how: str) -> None:
    """More bytes than are on their way at once: a connection closed under them loses it."""
    body = random.Random(1).randbytes(16_000_000)  # noqa: S311 - a test's chance
    headers = LINES
    if how == "gzip":
        body = gzip.compress(body, 1)
        headers = headers | GZIP
    if how == "declared":
        headers = headers | {"Content-Length": str(len(body))}
    chunks = (body[begin : begin + 65_536] for begin in range(0, len(body), 65_536))
    with closing(HTTPConnection("127.0.0.1", gateway.port, timeout=30)) as connection:
        connection.request("POST", "/v1/ia/events", chunks, headers)
        answer = connection.getresponse()
        assert answer.status == 413
        assert answer.headers["Connection"] == "close"
        assert json.loads(answer.read())["code"] == "too-large"


def test_a_batch_with_a_bad_line_is_not_sent_at_all(world: World, gateway: Gateway) -> None:
    before = gateway.get("/v1/ia/describe").document["events"]
    lines = [json.dumps(EVENT)] * 5
    refused = gateway.send("POST", "/v1/ia/events", "\n".join([*lines, "{"]), LINES)
    assert refused.document["detail"].startswith("line 6: ")
    assert gateway.send("POST", "/v1/ia/events", "\n".join(lines), LINES).status == 202
    wait_until(lambda: gateway.get("/v1/ia/describe").document["events"] == before + 5)
    assert gateway.post("/v1/ia/learn", EVENT).document["events"] == before + 6
    assert world.service.metric("riverline_events_behind") == 0


def test_other_methods_are_told_which_there_are(gateway: Gateway) -> None:
    for path, allowed in {
        "/v1/ia/learn": "POST",
        "/v1/ia/predict": "GET, HEAD, POST",
        "/v1/ia/train": "GET, HEAD",
        "/v1/ia/live": "GET, HEAD",
        "/healthz": "GET, HEAD",
    }.items():
        answer = gateway.send("DELETE", path)
        assert (answer.status, answer.headers["allow"]) == (405, allowed)
        assert answer.code == "method-not-allowed"


def test_a_question_that_the_events_cannot_answer_is_a_conflict(gateway: Gateway) -> None:
    answer = gateway.get("/v1/ia/predict?radio=1&newspaper=2")
    assert (answer.status, answer.code) == (409, "collinear-field")


def test_only_who_has_the_token_may_use_the_api(world: World) -> None:
    environment = world.environment | {"GATEWAY_TOKEN": "s3cret"}
    with running_gateway(environment) as gateway:
        for headers in ({}, {"Authorization": "Bearer s3cre"}, {"Authorization": "Basic s3cret"}):
            refused = gateway.get("/v1/ia/describe", **headers)
            assert (refused.status, refused.code) == (401, "unauthorized")
            assert refused.headers["www-authenticate"] == "Bearer"
        assert gateway.get("/v1/ia/nothing", Authorization="Bearer s3cret").status == 404
        assert gateway.get("/metrics").status == gateway.get("/openapi.yaml").status == 200


def test_answers_carry_headers_that_protect_browsers(gateway: Gateway) -> None:
    for path in ("/", "/v1/ia/describe", "/nothing"):
        headers = gateway.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "x-powered-by" not in headers


def test_metrics_count_requests_by_route_and_status(gateway: Gateway) -> None:
    def counted(route: str, status: int) -> float:
        name = f'riverline_gateway_requests_total{{route="{route}",status="{status}"}}'
        lines = gateway.get("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name))

    before = counted("/v1/ia/predict", 200)
    for tv in range(10):
        gateway.get(f"/v1/ia/predict?tv={tv}")
    wait_until(lambda: counted("/v1/ia/predict", 200) == before + 10)
    exposed = gateway.get("/metrics").text
    assert 'riverline_gateway_request_seconds_count{route="/v1/ia/predict"}' in exposed
    assert 'riverline_gateway_in_flight{what="questions"} 0' in exposed
    assert "riverline_gateway_late_replies_total 0" in exposed


def test_bytes_in_flight_are_bounded_and_come_free_again(gateway: Gateway) -> None:
    head = b"POST /v1/ia/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"
    head += b"Content-Length: 800000\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(41):  # 32.8 MB come; 33.5 MB may be in flight
            waiting = stack.enter_context(socket.create_connection(("127.0.0.1", gateway.port)))
            waiting.sendall(head + b" " * 799_999)
        wait_until(lambda: 'in_flight{what="bytes"} 32799959' in gateway.get("/metrics").text)
        refused = gateway.send("POST", "/v1/ia/events", " " * 800_000, LINES)
        assert (refused.status, refused.code) == (429, "too-many-requests")
        assert refused.headers["retry-after"] == "1"
        assert gateway.post("/v1/ia/events", [EVENT]).status == 202
    wait_until(lambda: 'in_flight{what="bytes"} 0' in gateway.get("/metrics").text)
    assert gateway.send("POST", "/v1/ia/events", " " * 800_000, LINES).status == 202


def test_a_question_whose_time_is_over_costs_no_work(world: World) -> None:
    with running_gateway(world.environment | {"REQUEST_TIMEOUT_MS": "1"}) as gateway:
        answers = [gateway.get(f"/v1/ia/predict?tv={tv}") for tv in range(20)]
        assert "timeout" in [answer.code for answer in answers if answer.status == 504]
        expired = 'riverline_requests_total{method="predict",outcome="expired"}'
        wait_until(lambda: world.service.metric(expired) > 0)
        assert gateway.healthy


def test_faulty_settings_are_all_named_and_end_with_2() -> None:
    with running_gateway({"GATEWAY_PORT": "never", "FIELDS": "tv,tv"}, wait=False) as gateway:
        assert gateway.process.wait(timeout=30) == 2
        said = gateway.log.read_text()
    assert "GATEWAY_PORT: " in said
    assert "FIELDS: " in said
    assert "    at " not in said  # no stack


def test_the_help_names_the_variables() -> None:
    command = ["npm", "start", "--", "--help"]
    said = subprocess.run(command, cwd=GATEWAY, capture_output=True, text=True, check=True).stdout
    for variable in ("GATEWAY_PORT", "GATEWAY_TOKEN", "KAFKA_BOOTSTRAP_SERVERS", "FIELDS"):
        assert variable in said


def test_a_trace_goes_on_with_the_question_and_comes_back(gateway: Gateway, world: World) -> None:
    parent = f"00-{uuid.uuid4().hex}-00f067aa0ba902b7-01"
    answer = gateway.get("/v1/ia/predict?tv=50", traceparent=parent)
    assert (answer.status, answer.headers["traceparent"]) == (200, parent)
    bad = gateway.get("/v1/ia/predict?tv=x", traceparent=parent)
    assert (bad.status, bad.headers["traceparent"]) == (422, parent)
    environment = world.environment
    with closing(
        KafkaConsumer(
            environment["REPLIES_TOPIC"],
            bootstrap_servers=environment["KAFKA_BOOTSTRAP_SERVERS"],
            auto_offset_reset="earliest",
            consumer_timeout_ms=10_000,
        )
    ) as replies:
        assert any(("traceparent", parent.encode()) in reply.headers for reply in replies)
    assert "traceparent" not in gateway.get("/v1/ia/predict?tv=50", traceparent="x").headers
