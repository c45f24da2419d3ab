"""The client's side of request/reply: whatever happens, what is raised is documented."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from time import monotonic
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaProducer

from contract.environment import Environment
from contract.messages import CORRELATION_ID
from echo import Echo, echo
from producer import (
    ClientClosedError,
    KafkaUnavailableError,
    LearningUnknownError,
    PredictionClient,
    PredictionError,
    PredictionTimeoutError,
    TopicMissingError,
)
from support.waiting import wait_until
from unit.batches import Crafted, write

from .records import run
from .test_crafted import told

PARTITIONS = 1


@pytest.fixture
def answering(kafka: str, settings: Environment) -> Iterator[Echo]:
    """Whoever answers, on topics of one partition."""
    with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
        topics = settings.requests_topic, settings.replies_topic
        admin.create_topics({it: {"num_partitions": PARTITIONS} for it in topics})
    with echo(settings, PARTITIONS) as answers:
        yield answers


@pytest.fixture
def client(settings: Environment, answering: Echo) -> Iterator[PredictionClient]:
    assert answering
    with PredictionClient(settings, timeout=10) as opened:
        yield opened


@pytest.mark.parametrize(
    "garbage", [None, b"", b"no json", b"[]", b"7", b'"error"', b'{"error": 1}', b'{"error": {}}']
)
def test_a_reply_that_is_none_ends_its_question_alone(
    settings: Environment, answering: Echo, client: PredictionClient, garbage: bytes | None
) -> None:
    answering.silent.set()
    with ThreadPoolExecutor() as pool, closing(producing(settings)) as producer:
        asked = pool.submit(client.predict, tv=1)
        wait_until(lambda: bool(answering.asked))
        (name,) = answering.asked
        headers = [(CORRELATION_ID, name)]
        producer.send(settings.replies_topic, garbage, key=b"key", headers=headers)
        with pytest.raises(PredictionError, match="unreadable"):
            asked.result()
    answering.silent.clear()
    assert client.predict(tv=2)["params"] == {"tv": 2}


@pytest.mark.slow
def test_a_record_that_cannot_be_unpacked_hides_later_replies_from_nobody(
    kafka: str, settings: Environment, client: PredictionClient
) -> None:
    for _ in range(3):
        assert client.predict(tv=1)["params"] == {"tv": 1}
        assert write(kafka, settings.replies_topic, told([PILL])) == 0
        assert client.predict(tv=2)["params"] == {"tv": 2}


PILL = Crafted(0, b"{}", headers=[(b"\xff", b"")])


def test_a_reply_topic_that_grows_is_read_where_it_grew(
    kafka: str, settings: Environment, answering: Echo, client: PredictionClient
) -> None:
    with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
        admin.create_partitions({settings.replies_topic: 2})
    wait_until(lambda: client.predict(tv=1)["params"] == {"tv": 1})
    answering.reply_partition = 1
    assert client.predict(tv=2)["params"] == {"tv": 2}


def test_a_closed_client_says_so_to_who_waits_and_who_comes_later(
    settings: Environment, answering: Echo
) -> None:
    answering.silent.set()
    client = PredictionClient(settings, timeout=60)
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(client.predict, tv=1)
        wait_until(lambda: bool(answering.asked))
        client.close()
        with pytest.raises(ClientClosedError, match="before the answer arrived"):
            asked.result(timeout=5)
    for method in ("predict", "learn"):
        with pytest.raises(ClientClosedError):
            client.ask(method)
    client.close()
    assert not [it for it in threading.enumerate() if it.name == "replies"]


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), 1e300])
def test_a_timeout_that_is_none_is_refused(client: PredictionClient, timeout: float) -> None:
    with pytest.raises(ValueError, match="expected a timeout of more than 0 seconds"):
        client.predict(tv=1, timeout=timeout)


def test_a_question_that_cannot_be_sent_is_refused_at_once(client: PredictionClient) -> None:
    with pytest.raises(TypeError):
        client.ask("predict", {"tv": object()})
    with pytest.raises(PredictionError, match="too-large"):
        client.ask("predict", {"tv": "x" * 300_000})


@pytest.mark.parametrize(
    ("method", "error", "said"),
    [
        ("predict", PredictionTimeoutError, "is the consumer running"),
        ("learn", LearningUnknownError, "not known whether the event was learned"),
    ],
)
def test_no_answer_in_time_says_what_is_known(
    answering: Echo, client: PredictionClient, method: str, error: type[Exception], said: str
) -> None:
    answering.silent.set()
    with pytest.raises(PredictionTimeoutError, match=said) as told:
        client.ask(method, timeout=2)
    assert type(told.value) is error


@pytest.mark.slow
def test_who_does_not_answer_is_asked_again_and_sent_no_event_again(
    answering: Echo, client: PredictionClient
) -> None:
    answering.silent.set()
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(client.ask, "predict")
        learned = pool.submit(client.ask, "learn", timeout=8)
        wait_until(lambda: sorted(answering.asked.values()) == [1, 2])
        answering.silent.clear()
        assert asked.result()["method"] == "predict"
        with pytest.raises(LearningUnknownError):
            learned.result()
    assert sorted(answering.asked.values()) == [1, 3]


@pytest.mark.parametrize("method", ["predict", "learn"])
def test_without_its_topic_a_question_ends_in_time(
    kafka: str, settings: Environment, client: PredictionClient, method: str
) -> None:
    assert client.predict(tv=1)
    with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
        admin.delete_topics([settings.requests_topic])
    began = monotonic()
    with pytest.raises((PredictionTimeoutError, KafkaUnavailableError, TopicMissingError)):
        client.ask(method, timeout=3)
    assert monotonic() - began < 4


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("ask", "--timeout", "1"), 3),
        (("ask", "--timeout", "nan"), 2),
        pytest.param(("simulate", "--count", "1"), 3, marks=pytest.mark.slow),
    ],
)
def test_without_kafka_a_command_says_so_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], code: int
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1,127.0.0.1:2")
    ended = run(*command)
    assert ended.returncode == code
    assert len(ended.stderr.splitlines()) == (4 if code == 2 else 1), ended.stderr
    assert "Traceback" not in ended.stderr


def producing(settings: Environment) -> Any:  # noqa: ANN401 - kafka-python has no types
    return KafkaProducer(**settings.client_options())
