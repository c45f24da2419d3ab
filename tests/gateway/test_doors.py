"""The gateway before a secured Kafka: who comes in; each fault is named, seen and mended."""

import shutil
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    NewTopic,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
)

from broker import EmbeddedCluster, EmbeddedKafka, Security
from broker.ports import free_port
from broker.security import ADMIN
from gateway.doors import TokenEndpoint, giving_tokens, leading_to, speaking_tls
from support.gateway import EVENT, Gateway, running_gateway
from support.service import own_names
from support.waiting import wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates"),
]

USER = "riverline"
CLIENT = "Basic " + b64encode(b"riverline:s3cret").decode()
NEEDED = {
    "REQUESTS_TOPIC": ACLOperation.WRITE,
    "REPLIES_TOPIC": ACLOperation.READ,
    "EVENTS_TOPIC": ACLOperation.WRITE,
}
IN_TIME_S = 15
TELLING = (
    "127.0.0.1",
    "localhost",
    "http:",
    "user ",
    "client ",
    "SCRAM",
    "prediction-re",
    "events-",
)


@dataclass(frozen=True, slots=True)
class Kafka:
    """A secured Kafka with a gateway's topics, and its permissions."""

    cluster: EmbeddedCluster
    names: dict[str, str]

    @property
    def security(self) -> Security:
        assert self.cluster.security is not None
        return self.cluster.security

    @property
    def servers(self) -> str:
        return self.cluster.bootstrap_servers

    def password(self, mechanism: str = "SCRAM-SHA-512", **changed: str) -> dict[str, str]:
        return self.names | self.security.environment(USER, self.servers, mechanism) | changed

    def certificate(self, **changed: str) -> dict[str, str]:
        return self.names | self.security.tls_environment(USER, self.cluster.tls_servers) | changed

    def token(self, url: str) -> dict[str, str]:
        prefix = "KAFKA_SASL_OAUTHBEARER"
        environment = self.password(
            "OAUTHBEARER",
            **{
                f"{prefix}_TOKEN_ENDPOINT_URL": url,
                f"{prefix}_CLIENT_ID": USER,
                f"{prefix}_CLIENT_SECRET": "s3cret",
            },
        )
        return {name: value for name, value in environment.items() if "PLAIN" not in name}

    @contextmanager
    def admin(self) -> Iterator[KafkaAdminClient]:
        environment = self.security.environment(ADMIN, self.servers)
        options = {name.removeprefix("KAFKA_").lower(): it for name, it in environment.items()}
        with KafkaAdminClient(**options) as admin:
            yield admin

    def grant(self, topic: str) -> None:
        with self.admin() as admin:
            pattern = ResourcePattern(ResourceType.TOPIC, self.names[topic])
            allow = ACLPermissionType.ALLOW
            admin.create_acls([ACL(f"User:{USER}", "*", NEEDED[topic], allow, pattern)])

    def revoke(self, topic: str) -> None:
        with self.admin() as admin:
            pattern = ResourcePatternFilter(
                ResourceType.TOPIC, self.names[topic], ACLResourcePatternType.LITERAL
            )
            any_kind = ACLPermissionType.ANY
            admin.delete_acls([ACLFilter(None, None, ACLOperation.ANY, any_kind, pattern)])


@pytest.fixture
def kafka_of_its_own(secured: EmbeddedCluster) -> Kafka:
    """Topics that no other test has, and no permissions."""
    names = own_names(secured.bootstrap_servers) | {"REQUEST_TIMEOUT_MS": "1000"}  # nobody answers
    kafka = Kafka(secured, names)
    with kafka.admin() as admin:
        admin.create_topics([NewTopic(kafka.names[topic], 3, 1) for topic in NEEDED])
    return kafka


@pytest.fixture
def kafka(kafka_of_its_own: Kafka) -> Kafka:
    """The same, with the gateway's permissions."""
    for topic in NEEDED:
        kafka_of_its_own.grant(topic)
    return kafka_of_its_own


def ready(gateway: Gateway) -> bool:
    return gateway.get("/readyz").status == 200


@contextmanager
def opened(environment: dict[str, str]) -> Iterator[Gateway]:
    """A gateway; it need not come in."""
    with running_gateway(environment, wait=False) as gateway:
        wait_until(lambda: "listening" in gateway.log.read_text())
        yield gateway


def expect(gateway: Gateway, kind: str, sentence: str, since: float) -> None:
    """A fault is named once, within 15 s; readiness and a metric have it, and no caller sees it."""
    wait_until(lambda: f'"{sentence}"' in gateway.log.read_text(), IN_TIME_S)
    print({"named after s": round(time.monotonic() - since, 2)})  # noqa: T201
    wait_until(lambda: kind in gateway.get("/readyz").document["faults"])
    counted = f'riverline_gateway_kafka_faults_total{{kind="{kind}"}} '
    wait_until(lambda: count(gateway, counted) >= 2)
    assert gateway.log.read_text().count(f'"{sentence}"') == 1
    seen = [
        gateway.get("/readyz"),
        gateway.get("/healthz"),
        gateway.get("/v1/ia/predict?tv=1"),
        gateway.post("/v1/ia/learn", EVENT),
        gateway.post("/v1/ia/events", [EVENT]),
    ]
    assert seen[0].status == 503
    assert {answer.status for answer in seen} <= {503, 504, 202, 200}
    for answer in seen:
        assert not any(word in answer.text for word in TELLING), answer.text


def count(gateway: Gateway, name: str) -> float:
    lines = gateway.get("/metrics").text.splitlines()
    return sum(float(line.removeprefix(name)) for line in lines if line.startswith(name))


def test_each_way_in_opens(kafka: Kafka, tmp_path: Path) -> None:
    locked = kafka.security.authority.issue(USER + "-locked", password="s3cret")  # noqa: S106
    (tmp_path / "password").write_text(kafka.security.passwords[USER] + "\n")
    by_file = kafka.password(KAFKA_SASL_PLAIN_PASSWORD_FILE=str(tmp_path / "password"))
    del by_file["KAFKA_SASL_PLAIN_PASSWORD"]
    for environment in (
        *(kafka.password(mechanism) for mechanism in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")),
        by_file,
        kafka.certificate(),
    ):
        with opened(environment) as gateway:
            wait_until(lambda: ready(gateway), IN_TIME_S)
            assert gateway.post("/v1/ia/events", [EVENT]).status == 202
    with opened(
        kafka.certificate(
            KAFKA_SSL_CERTFILE=str(locked.certificate),
            KAFKA_SSL_KEYFILE=str(locked.key),
            KAFKA_SSL_PASSWORD="s3cret",  # noqa: S106
        )
    ) as gateway:  # it comes in, as another user who may do nothing
        wait_until(lambda: "CN=riverline-locked may not" in gateway.log.read_text(), IN_TIME_S)


def test_tokens_open_and_are_fetched_by_the_clients_credentials(kafka: Kafka) -> None:
    endpoint = TokenEndpoint(kafka.security.tokens.token(USER))
    with (
        giving_tokens(endpoint, CLIENT) as url,
        opened(kafka.token(url) | {"KAFKA_SASL_OAUTHBEARER_SCOPE": "kafka all"}) as gateway,
    ):
        wait_until(lambda: ready(gateway), IN_TIME_S)
        assert gateway.post("/v1/ia/events", [EVENT]).status == 202
        assert endpoint.asked == ["grant_type=client_credentials&scope=kafka+all"]


def test_a_refused_token_is_named_and_a_good_one_opens(kafka: Kafka) -> None:
    endpoint = TokenEndpoint(kafka.security.tokens.token(USER, lifetime_s=-120))
    with giving_tokens(endpoint, CLIENT) as url, opened(kafka.token(url)) as gateway:
        started = time.monotonic()
        expect(
            gateway, "token", "Kafka refused the token of client riverline (OAUTHBEARER)", started
        )
        endpoint.token = kafka.security.tokens.token(USER)
        wait_until(lambda: ready(gateway))


def test_a_token_endpoint_that_refuses_or_is_not_there_is_named(kafka: Kafka) -> None:
    endpoint = TokenEndpoint(kafka.security.tokens.token(USER))
    with giving_tokens(endpoint, "another") as url, opened(kafka.token(url)) as gateway:
        started = time.monotonic()
        expect(gateway, "token", f"the token endpoint {url} refused client riverline", started)
    with opened(kafka.token(url)) as gateway:
        started = time.monotonic()
        expect(gateway, "token", f"the token endpoint {url} does not answer", started)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_wrong_password_is_named(kafka: Kafka, mechanism: str) -> None:
    started = time.monotonic()
    wrong = {"KAFKA_SASL_PLAIN_PASSWORD": "wrong"}
    with opened(kafka.password(mechanism) | wrong) as gateway:
        sentence = f"Kafka refused the password of user riverline ({mechanism})"
        expect(gateway, "password", sentence, started)


def _plaintext(kafka: Kafka) -> dict[str, str]:
    return kafka.names


def _sasl_without_tls(kafka: Kafka) -> dict[str, str]:
    changed = kafka.password(KAFKA_SECURITY_PROTOCOL="SASL_PLAINTEXT")
    return {name: value for name, value in changed.items() if "SSL_CAFILE" not in name}


def _tls_without_login(kafka: Kafka) -> dict[str, str]:
    changed = kafka.password(KAFKA_SECURITY_PROTOCOL="SSL")
    return {name: value for name, value in changed.items() if "_SASL_" not in name}


def _other_authority(folder: Path) -> str:
    stranger = Security(folder / "stranger")
    stranger.prepare(None)
    return str(stranger.authority.certificate)


@pytest.mark.parametrize(
    ("protocol", "kind", "says"),
    [
        (_plaintext, "protocol", "{0} expects TLS, not KAFKA_SECURITY_PROTOCOL=PLAINTEXT"),
        (
            _sasl_without_tls,
            "protocol",
            (
                "{0} closed the connection before the login: "
                "does it expect KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT?"
            ),
        ),
        (
            _tls_without_login,
            "unreachable",
            "{0} closes the connection: does it expect KAFKA_SECURITY_PROTOCOL=SSL?",
        ),
    ],
)
def test_a_wrong_protocol_is_named(
    kafka: Kafka, protocol: Callable[[Kafka], dict[str, str]], kind: str, says: str
) -> None:
    started = time.monotonic()
    with opened(protocol(kafka)) as gateway:
        expect(gateway, kind, says.format(kafka.servers.split(",")[0]), started)


def test_tls_before_a_broker_that_has_none_is_named(kafka: Kafka) -> None:
    with EmbeddedKafka() as plain:
        started, servers = time.monotonic(), plain.bootstrap_servers
        with opened(kafka.password(KAFKA_BOOTSTRAP_SERVERS=servers)) as gateway:
            sentence = "does not speak TLS, which KAFKA_SECURITY_PROTOCOL=SASL_SSL asks for"
            expect(gateway, "protocol", f"{servers} {sentence}", started)


def test_an_authority_that_is_not_trusted_is_named(kafka: Kafka, tmp_path: Path) -> None:
    started = time.monotonic()
    with opened(kafka.password(KAFKA_SSL_CAFILE=_other_authority(tmp_path))) as gateway:
        broker = kafka.servers.split(",")[0]
        sentence = (
            f"the certificate of broker {broker} is not signed by an authority in KAFKA_SSL_CAFILE"
        )
        expect(gateway, "certificate", sentence, started)


def test_a_certificate_for_another_host_is_named(kafka: Kafka) -> None:
    started = time.monotonic()
    elsewhere = kafka.servers.replace("127.0.0.1", "localhost")
    with opened(kafka.password(KAFKA_BOOTSTRAP_SERVERS=elsewhere)) as gateway:
        broker = elsewhere.split(",")[0]
        sentence = f"the certificate of broker {broker} is not for this host name"
        expect(gateway, "certificate", sentence, started)


def test_an_expired_certificate_is_named_and_a_new_one_opens(kafka: Kafka) -> None:
    port = free_port("127.0.0.1")
    late = kafka.security.authority.issue("late-broker", hosts=["127.0.0.1"], days=-1)
    environment = kafka.password(KAFKA_BOOTSTRAP_SERVERS=f"127.0.0.1:{port}")
    started = time.monotonic()
    with opened(environment) as gateway:
        with speaking_tls(port, late):
            sentence = f"the certificate of broker 127.0.0.1:{port} has expired"
            expect(gateway, "certificate", sentence, started)
        with leading_to(port, kafka.servers.split(",")[0]):
            wait_until(lambda: ready(gateway))
            assert f'"no longer: {sentence}"' in gateway.log.read_text()


def test_a_broker_that_does_not_answer_is_named_and_opens_when_it_does(kafka: Kafka) -> None:
    port = free_port("127.0.0.1")
    started = time.monotonic()
    with opened(kafka.password(KAFKA_BOOTSTRAP_SERVERS=f"127.0.0.1:{port}")) as gateway:
        expect(gateway, "unreachable", f"127.0.0.1:{port} does not answer", started)
        with leading_to(port, kafka.servers.split(",")[0]):
            wait_until(lambda: ready(gateway))
            assert f"no longer: 127.0.0.1:{port} does not answer" in gateway.log.read_text()


@pytest.mark.parametrize("fault", ["missing", "expired", "stranger"])
def test_our_own_certificate_is_named(kafka: Kafka, tmp_path: Path, fault: str) -> None:
    started = time.monotonic()
    environment = kafka.certificate()
    broker = environment["KAFKA_BOOTSTRAP_SERVERS"].split(",")[0]
    if fault == "missing":
        del environment["KAFKA_SSL_CERTFILE"], environment["KAFKA_SSL_KEYFILE"]
        sentence = f"broker {broker} asks for a certificate: name ours with KAFKA_SSL_CERTFILE"
    else:
        authority = kafka.security.authority
        if fault == "stranger":
            stranger = Security(tmp_path / "stranger")
            stranger.prepare(None)
            authority = stranger.authority
        shown = authority.issue(f"{fault}-client", days=-1 if fault == "expired" else 1)
        environment |= {
            "KAFKA_SSL_CERTFILE": str(shown.certificate),
            "KAFKA_SSL_KEYFILE": str(shown.key),
        }
        sentence = {
            "expired": "our certificate in KAFKA_SSL_CERTFILE has expired: broker {} refused it",
            "stranger": "broker {} refused our certificate in KAFKA_SSL_CERTFILE",
        }[fault].format(broker)
    with opened(environment) as gateway:
        expect(gateway, "certificate", sentence, started)


def missing(kafka: Kafka, topic: str) -> str:
    act = "read" if topic == "REPLIES_TOPIC" else "write to"
    operation = NEEDED[topic].name
    return f"user riverline may not {act} topic {kafka.names[topic]}: {operation} is not granted"


@pytest.mark.parametrize("topic", list(NEEDED))
def test_a_missing_permission_is_named_and_its_grant_opens(
    kafka_of_its_own: Kafka, topic: str
) -> None:
    kafka = kafka_of_its_own
    for other in NEEDED:
        if other != topic:
            kafka.grant(other)
    describe = ResourcePattern(ResourceType.TOPIC, kafka.names[topic])
    with kafka.admin() as admin:
        allow = ACLPermissionType.ALLOW
        admin.create_acls([ACL(f"User:{USER}", "*", ACLOperation.DESCRIBE, allow, describe)])
    started = time.monotonic()
    with opened(kafka.password()) as gateway:
        expect(gateway, "permission", missing(kafka, topic), started)
        events = gateway.post("/v1/ia/events", [EVENT]).status
        assert events == (503 if topic == "EVENTS_TOPIC" else 202)
        kafka.grant(topic)
        wait_until(lambda: ready(gateway))
        assert gateway.post("/v1/ia/events", [EVENT]).status == 202


def test_a_topic_that_may_not_be_seen_is_named(kafka_of_its_own: Kafka) -> None:
    kafka = kafka_of_its_own
    started = time.monotonic()
    with opened(kafka.password()) as gateway:
        topic = kafka.names["REPLIES_TOPIC"]
        sentence = f"user riverline may not see topic {topic}: DESCRIBE is not granted"
        expect(gateway, "permission", sentence, started)
        for name in NEEDED:
            kafka.grant(name)
        wait_until(lambda: ready(gateway))


@pytest.mark.parametrize("topic", list(NEEDED))
def test_a_permission_taken_away_is_named_and_comes_back(kafka: Kafka, topic: str) -> None:
    with ExitStack() as stack:
        gateway = stack.enter_context(opened(kafka.password()))
        wait_until(lambda: ready(gateway))
        kafka.revoke(topic)
        started = time.monotonic()
        wait_until(lambda: not ready(gateway), IN_TIME_S)
        named = "DESCRIBE is not granted"
        wait_until(lambda: f"{kafka.names[topic]}: {named}" in gateway.log.read_text(), IN_TIME_S)
        print({"named after s": round(time.monotonic() - started, 2)})  # noqa: T201
        events = gateway.post("/v1/ia/events", [EVENT])
        asked = gateway.get("/v1/ia/predict?tv=1")
        refused = events if topic == "EVENTS_TOPIC" else asked
        assert (refused.status, refused.code) == (503, "kafka-away")
        kafka.grant(topic)
        wait_until(lambda: ready(gateway))
        assert gateway.post("/v1/ia/events", [EVENT]).status == 202
