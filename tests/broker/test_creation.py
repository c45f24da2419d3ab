"""On a broker that creates topics for whoever asks about them (Kafka's default) we create none."""

import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import closing

import pytest
from kafka import KafkaAdminClient, KafkaProducer

from broker import EmbeddedKafka
from contract.environment import Environment
from producer import PredictionClient, PredictionTimeoutError, TopicMissingError
from support.waiting import wait_until

from .conftest import Start
from .records import ask_raw, produce, read_all, run

ON = {"auto.create.topics.enable": "true", "num.partitions": "1"}


@pytest.fixture(scope="module")
def kafka() -> Iterator[str]:
    """Not the session's: one that creates topics."""
    with EmbeddedKafka(properties=ON) as embedded:
        yield embedded.bootstrap_servers


def topics(servers: str) -> set[str]:
    """The topics there are, but for Kafka's own."""
    with closing(KafkaAdminClient(bootstrap_servers=servers)) as admin:
        return {name for name in admin.list_topics() if not name.startswith("__")}


def delete(servers: str, *names: str) -> None:
    """Delete topics and wait until they are gone."""
    with closing(KafkaAdminClient(bootstrap_servers=servers)) as admin:
        admin.delete_topics(list(names))
        wait_until(lambda: not set(names) & set(admin.list_topics()))


def test_this_broker_creates_what_a_bare_client_asks_about(kafka: str) -> None:
    name = f"bare-{uuid.uuid4().hex[:8]}"
    with closing(KafkaProducer(bootstrap_servers=kafka, allow_auto_create_topics=False)) as bare:
        bare.partitions_for(name)
    assert name in topics(kafka)


@pytest.mark.parametrize(
    "command",
    [("simulate", "--count", "10"), ("ask", "tv=50"), ("csv",)],
    ids=lambda command: command[0],
)
def test_a_command_before_the_consumer_says_which_topic_is_missing(
    kafka: str, names: dict[str, str], tmp_path: object, command: tuple[str, ...]
) -> None:
    before = topics(kafka)
    if command == ("csv",):
        rows = f"{tmp_path}/rows.csv"
        with open(rows, "w") as file:  # noqa: PTH123
            file.write("tv,radio,newspaper,sales\n1,2,3,4\n")
        command = ("csv", rows)
    began = time.monotonic()
    ended: subprocess.CompletedProcess[str] = run(*command)
    assert time.monotonic() - began < 8  # of which the interpreter's start is one or two
    assert ended.returncode == 1
    missing = names["REQUESTS_TOPIC" if command[0] == "ask" else "EVENTS_TOPIC"]
    assert missing in ended.stderr
    assert "missing: start the consumer" in ended.stderr
    assert topics(kafka) == before


def test_a_client_before_the_consumer_creates_nothing(kafka: str, settings: Environment) -> None:
    before = topics(kafka)
    with pytest.raises(TopicMissingError, match=settings.replies_topic):
        PredictionClient(settings, timeout=1)
    assert topics(kafka) == before


@pytest.mark.slow
def test_a_running_service_creates_nothing_that_was_deleted_or_is_asked_for(
    kafka: str, start: Start, settings: Environment
) -> None:
    service = start()
    made = topics(kafka)
    letters = f"{settings.events_topic}.dead-letters"
    with PredictionClient(settings) as client:
        client.ask("learn", {"tv": 1.0, "radio": 2.0, "newspaper": 3.0, "sales": 4.0})
        ask_raw(settings, b"{}", correlation_id=b"a", reply_to=b"prediction-replies-of-nobody")
        gone = {letters, settings.replies_topic}
        delete(kafka, *gone)
        produce(settings, settings.events_topic, {"value": b"no event"})
        with pytest.raises(PredictionTimeoutError):
            client.predict(tv=1, timeout=2)
    wait_until(lambda: "not delivered; they wait" in service.log.read_text())
    assert topics(kafka) == made - gone
    with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
        admin.create_topics({letters: {"num_partitions": 1}})
    (letter,) = read_all(settings, letters, 1)
    assert letter.value == b"no event"
    assert service.process.poll() is None
