"""Askers of every dialect with what deploy/acls.sh gives, on a cluster that denies all else."""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import Any

import confluent_kafka
import orjson
import pytest
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from broker import EmbeddedCluster
from contract.environment import Environment
from dialects.commands import CLIENTS, KCAT, QUARKUS, missing, run
from dialects.wire import (
    DIALECTS,
    ERROR,
    EVENT,
    Dialect,
    Wire,
    assert_written_in,
    body,
    enveloped,
    opened,
    reply_on_a_later_topic,
)
from principals import Principals
from support.service import LEARNED, running_service
from support.waiting import wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates"),
]

EVENTS = 500
FAUST = DIALECTS[-1]
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"


@pytest.fixture(scope="module")
def principals(
    secured: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Principals]:
    """The users beside a service that has learned, and lacks no permission to the end."""
    users = Principals(secured, tmp_path_factory.mktemp("acls"))
    for part in ("service-creates", "producer", "asker"):
        users.give(part, part)
    with running_service(**users.environment("service-creates")) as service:
        wait_until(lambda: service.ready)
        users.simulate("producer", EVENTS)
        wait_until(lambda: service.metric(LEARNED) == EVENTS)
        yield users
        print(service.log.read_text())  # noqa: T201 - pytest shows it of a failed test
        assert "does not allow" not in service.log.read_text()
        assert service.metric('riverline_faults_total{kind="permission"}') == 0


@pytest.fixture
def wire(principals: Principals, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """A client with the rights of an asker and no other."""
    environment = principals.environment("asker")
    with opened(environment, options(environment, monkeypatch)) as client:
        yield client


def options(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """kafka-python's."""
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    return Environment.read().client_options()


def librdkafka(environment: dict[str, str]) -> dict[str, str]:
    """The same way in, in librdkafka's words."""
    return {
        "bootstrap.servers": environment["KAFKA_BOOTSTRAP_SERVERS"],
        "security.protocol": environment["KAFKA_SECURITY_PROTOCOL"],
        "sasl.mechanism": environment["KAFKA_SASL_MECHANISM"],
        "sasl.username": environment["KAFKA_SASL_PLAIN_USERNAME"],
        "sasl.password": environment["KAFKA_SASL_PLAIN_PASSWORD"],
        "ssl.ca.location": environment["KAFKA_SSL_CAFILE"],
    }


@pytest.mark.parametrize("dialect", DIALECTS, ids=str)
def test_an_asker_of_each_dialect_is_answered_and_may_teach(wire: Wire, dialect: Dialect) -> None:
    def asked(question: dict[str, Any], *refused: tuple[str, bytes]) -> dict[str, Any]:
        wire.ask(dialect.asks, question)
        reply = wire.only_reply()
        assert_written_in(dialect, reply, [*dialect.answered, *refused])
        return body(reply, dialect)

    assert asked({"tv": 50})["prediction"] > 0
    assert asked({"tv": "abc"}, *dialect.refused)["error"] == ERROR
    assert asked({"method": "train"})["events"] >= EVENTS
    assert asked({"method": "learn", "params": EVENT})["learned"] is True


@pytest.mark.parametrize("kind", ["@ReqRepRequest", "faust.agents.models.ModelReqRepRequest"])
def test_an_asker_may_ask_all_in_an_envelope(wire: Wire, kind: str) -> None:
    wire.ask([], enveloped({"tv": 50}, wire.environment["REPLIES_TOPIC"], kind))
    assert body(wire.only_reply(), FAUST)["prediction"] > 0


def test_kcat_asks_by_its_own_configuration(
    wire: Wire, principals: Principals, tmp_path: Path
) -> None:
    """The mechanism is PLAIN: Kafka 4 refuses the SCRAM of a librdkafka before 2.6.1."""
    environment = principals.environment("asker") | {"KAFKA_SASL_MECHANISM": "PLAIN"}
    file = tmp_path / "kcat.conf"
    file.write_text("".join(f"{name}={it}\n" for name, it in librdkafka(environment).items()))
    same_figure(wire, "kcat", KCAT, environment | {"KCAT_CONFIG": str(file)})


def test_quarkus_asks_by_its_own_variables(wire: Wire, principals: Principals) -> None:
    """Its group has the application's name, which is that of the example's jar."""
    principals.give("asker", "asker", ASKER_GROUP="quarkus")
    environment = principals.environment("asker")
    user, password = (environment[f"KAFKA_SASL_PLAIN_{it}"] for it in ("USERNAME", "PASSWORD"))
    java = {
        "KAFKA_SASL_JAAS_CONFIG": f'{SCRAM} required username="{user}" password="{password}";',
        "KAFKA_SSL_TRUSTSTORE_TYPE": "PEM",
        "KAFKA_SSL_TRUSTSTORE_LOCATION": environment["KAFKA_SSL_CAFILE"],
        # The first question waits for the group: 5 s, the default, are few on a busy machine.
        "MP_MESSAGING_OUTGOING_PREDICTIONS_REPLY_TIMEOUT": "20000",
    }
    same_figure(wire, "quarkus", QUARKUS, environment | java)


def same_figure(
    wire: Wire, client: str, commands: list[list[str]], environment: dict[str, str]
) -> None:
    """The example, unmodified, prints the prediction that the wire gives, and the error."""
    if absent := missing(commands):
        pytest.skip(f"not installed: {absent}")
    for command in commands:
        output = run(command, CLIENTS / client, environment)
    wire.consumer.seek_to_end()
    for partition in wire.consumer.assignment():
        wire.consumer.position(partition)
    wire.ask(DIALECTS[0].asks, {"tv": 50})
    prediction = body(wire.only_reply(), DIALECTS[0])["prediction"]
    assert str(prediction) in output
    assert ERROR["message"] in output


@pytest.mark.parametrize("many", [False, True], ids=["a group", "groups that begin so"])
def test_a_client_that_joins_a_group_needs_it_named(principals: Principals, *, many: bool) -> None:
    """As Spring's, NestJS's and Node's do; librdkafka in their place."""
    environment = principals.environment("asker")
    own = f"asking-{uuid.uuid4()}"
    group, granted = (f"{own}-1", f"{own}-*") if many else (own, own)
    config = librdkafka(environment) | {"group.id": group, "auto.offset.reset": "earliest"}

    with closing(confluent_kafka.Consumer(config)) as consumer:
        consumer.subscribe([environment["REPLIES_TOPIC"]])
        told = polled(consumer, lambda it: it.error() is not None)
        assert told.error().code() == confluent_kafka.KafkaError.GROUP_AUTHORIZATION_FAILED

    principals.give("asker", "asker", ASKER_GROUP=granted)
    identity = ("kafka_correlationId", uuid.uuid4().bytes)
    replies = environment["REPLIES_TOPIC"].encode()
    with closing(confluent_kafka.Consumer(config)) as consumer:
        consumer.subscribe([environment["REPLIES_TOPIC"]])
        producer = confluent_kafka.Producer(librdkafka(environment))
        producer.produce(
            environment["REQUESTS_TOPIC"],
            orjson.dumps({"tv": 50}),
            headers=[("kafka_replyTopic", replies), identity],
        )
        assert producer.flush(20) == 0
        reply = polled(consumer, lambda it: it.error() is None and it.headers() == [identity])
        assert orjson.loads(reply.value())["prediction"] > 0
        consumer.commit(message=reply, asynchronous=False)


def polled(consumer: Any, wanted: Any, seconds: float = 60) -> Any:  # noqa: ANN401 - librdkafka's
    """The first message, or error, that is wanted."""
    deadline = monotonic() + seconds
    while monotonic() < deadline:
        message = consumer.poll(0.1)
        if message is not None and wanted(message):
            return message
    raise TimeoutError(f"not within {seconds:g} s")


BY_DEFAULT = {"nestjs": ".reply", "smallrye": "-replies"}
"""After the requests topic's name, the reply topics that these libraries take by themselves."""


@pytest.mark.parametrize("dialect", DIALECTS, ids=str)
def test_an_asker_makes_a_reply_topic_of_its_own_and_is_answered_there(
    principals: Principals, monkeypatch: pytest.MonkeyPatch, dialect: Dialect
) -> None:
    environment = principals.environment("asker-creates")
    ending = BY_DEFAULT.get(dialect.name, f"-replies-{uuid.uuid4().hex[:8]}")
    own = {"REPLIES_TOPIC": environment["REQUESTS_TOPIC"] + ending}
    principals.give("asker-creates", "asker-creates", **own)
    principals.give("service-replies", "service-creates", **own)
    login = options(environment, monkeypatch)
    with closing(KafkaAdminClient(**Environment.read().admin_options())) as admin:
        admin.create_topics([NewTopic(own["REPLIES_TOPIC"], 4, 1)])
    with opened(environment | own, login) as client:
        client.ask(dialect.asks, {"tv": 50})
        reply = client.only_reply()
    assert reply.topic == own["REPLIES_TOPIC"]
    assert_written_in(dialect, reply, dialect.answered)
    assert body(reply, dialect)["prediction"] > 0


def test_faust_makes_its_reply_topic_after_it_has_asked(
    principals: Principals, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = principals.environment("asker-creates")
    principals.give("asker-creates", "asker-creates", REPLIES_TOPIC="f-reply-*")
    principals.give("service-replies", "service-creates", REPLIES_TOPIC="f-reply-*")
    login = options(environment, monkeypatch)
    reply = reply_on_a_later_topic(environment, login, Environment.read().admin_options())
    assert body(reply, FAUST)["prediction"] > 0
