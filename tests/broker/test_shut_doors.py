"""Each way to be shut out of Kafka is named in a sentence, and mended without a restart.

All parts have the same sentences. The faults are real ones, before a secured cluster; each is told
within 15 s.
"""

import asyncio
import os
import shutil
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import pytest
from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ResourcePattern,
    ResourceType,
    UserScramCredentialUpsertion,
)

from broker import EmbeddedCluster, EmbeddedKafka, Security
from broker.certificates import Authority
from broker.ports import free_port
from broker.security import ADMIN
from contract.environment import Environment
from gateway.doors import TokenEndpoint, giving_tokens, leading_to, listening, speaking_tls
from leaks import unclosed_sockets
from producer import PredictionClient
from producer.errors import KafkaUnavailableError
from support.service import LEARNED, Service, own_names, running_service
from support.waiting import wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates"),
]

USER, PASSWORD, SECRET = "doors", "pa55-of-doors", "s3cret-of-doors"
CLIENT = "Basic " + b64encode(f"{USER}:{SECRET}".encode()).decode()
IN_TIME_SECONDS = 15
OAUTH = "KAFKA_SASL_OAUTHBEARER"


@dataclass(frozen=True, slots=True)
class Kafka:
    """A secured cluster, and the ways in of a user who may do all."""

    cluster: EmbeddedCluster
    folder: Path

    @property
    def security(self) -> Security:
        assert self.cluster.security is not None
        return self.cluster.security

    @property
    def server(self) -> str:
        """One of them."""
        return self.cluster.bootstrap_servers.split(",")[0]

    def login(self, servers: str = "", mechanism: str = "SCRAM-SHA-512") -> dict[str, str]:
        servers = servers or self.cluster.bootstrap_servers
        environment = self.security.environment(ADMIN, servers, mechanism)
        login = {"KAFKA_SASL_PLAIN_USERNAME": USER, "KAFKA_SASL_PLAIN_PASSWORD": PASSWORD}
        return environment | login

    def certificate(self) -> dict[str, str]:
        return self.security.tls_environment(USER, self.cluster.tls_servers)

    def bearer(self) -> dict[str, str]:
        environment = self.login(mechanism="OAUTHBEARER")
        return {name: value for name, value in environment.items() if "PLAIN" not in name}

    def endpoint(self, port: int) -> dict[str, str]:
        return self.bearer() | {
            f"{OAUTH}_TOKEN_ENDPOINT_URL": f"http://127.0.0.1:{port}/token",
            f"{OAUTH}_CLIENT_ID": USER,
            f"{OAUTH}_CLIENT_SECRET": SECRET,
        }

    def set_password(self, user: str, password: str, mechanism: str = "SCRAM-SHA-512") -> None:
        environment = self.security.environment(ADMIN, self.cluster.bootstrap_servers)
        options = {name.removeprefix("KAFKA_").lower(): it for name, it in environment.items()}
        with KafkaAdminClient(**options) as admin:
            credential = UserScramCredentialUpsertion(user, mechanism, password)
            assert admin.alter_user_scram_credentials([credential]) == {user: None}
            admin.create_acls(
                [
                    ACL(f"User:{user}", "*", ACLOperation.ALL, ACLPermissionType.ALLOW, on)
                    for on in (
                        ResourcePattern(ResourceType.TOPIC, "*"),
                        ResourcePattern(ResourceType.GROUP, "*"),
                        ResourcePattern(ResourceType.CLUSTER, "kafka-cluster"),
                    )
                ]
            )


@pytest.fixture
def secured_kafka(secured: EmbeddedCluster, tmp_path: Path) -> Kafka:
    """The session's, the user as he was."""
    it = Kafka(secured, tmp_path)
    it.set_password(USER, PASSWORD)
    it.security.authority.issue(USER)
    return it


@dataclass(slots=True)
class Fault:
    """A way to be shut out.

    Attributes:
        environment: What the parts are started with.
        kind: Of the fault.
        sentence: That names it.
        mend: Mends it, from without; None where only other settings would.
        away: What stands in the way, closed before it is mended.
        begin: Begins it, where it is not there from the start.
    """

    environment: dict[str, str]
    kind: str
    sentence: str
    mend: Callable[[ExitStack], object] | None = None
    away: ExitStack = field(default_factory=ExitStack)
    begin: Callable[[], object] = lambda: None


Make = Callable[[Kafka], Fault]


def wrong_password(kafka: Kafka) -> Fault:
    environment = kafka.login() | {"KAFKA_SASL_PLAIN_PASSWORD": "new-" + PASSWORD}
    return Fault(
        environment,
        "refused",
        f"Kafka refused the password of user {USER} (SCRAM-SHA-512)",
        lambda _: kafka.set_password(USER, "new-" + PASSWORD),
    )


def unknown_user(kafka: Kafka) -> Fault:
    user = kafka.folder.name  # another in each test
    environment = kafka.login(mechanism="SCRAM-SHA-256") | {"KAFKA_SASL_PLAIN_USERNAME": user}
    return Fault(
        environment,
        "refused",
        f"Kafka refused the password of user {user} (SCRAM-SHA-256)",
        lambda _: kafka.set_password(user, PASSWORD, "SCRAM-SHA-256"),
    )


def wrong_plain_password(kafka: Kafka) -> Fault:
    said = f"Kafka refused the password of user {USER} (PLAIN)"
    return Fault(kafka.login(mechanism="PLAIN"), "refused", said)


def refused_token(kafka: Kafka) -> Fault:
    endpoint = TokenEndpoint(kafka.security.tokens.token(USER, lifetime_s=-120))
    port = free_port("127.0.0.1")
    fault = Fault(
        kafka.endpoint(port),
        "refused",
        f"Kafka refused the token of client {USER} (OAUTHBEARER)",
        lambda stack: stack.enter_context(giving_tokens(good, CLIENT, port)),
    )
    good = TokenEndpoint(kafka.security.tokens.token(USER))
    fault.away.enter_context(giving_tokens(endpoint, CLIENT, port))
    return fault


def unknown_client(kafka: Kafka) -> Fault:
    endpoint = TokenEndpoint(kafka.security.tokens.token(USER))
    port = free_port("127.0.0.1")
    fault = Fault(
        kafka.endpoint(port),
        "refused",
        f"the token endpoint http://127.0.0.1:{port}/token refused client {USER}",
        lambda stack: stack.enter_context(giving_tokens(endpoint, CLIENT, port)),
    )
    fault.away.enter_context(giving_tokens(endpoint, "another", port))
    return fault


def silent_endpoint(kafka: Kafka) -> Fault:
    endpoint = TokenEndpoint(kafka.security.tokens.token(USER))
    port = free_port("127.0.0.1")
    return Fault(
        kafka.endpoint(port),
        "refused",
        f"the token endpoint http://127.0.0.1:{port}/token does not answer",
        lambda stack: stack.enter_context(giving_tokens(endpoint, CLIENT, port)),
    )


def provider_that_raises(kafka: Kafka) -> Fault:
    file = kafka.folder / "token"
    (kafka.folder / "identity.py").write_text(
        f"def token() -> str:\n    with open({str(file)!r}) as file:\n        return file.read()\n"
    )
    environment = {
        "KAFKA_SASL_OAUTH_TOKEN_PROVIDER": "identity:token",
        "PYTHONPATH": str(kafka.folder),
    }
    return Fault(
        kafka.bearer() | environment,
        "refused",
        "identity:token raised FileNotFoundError",
        lambda _: file.write_text(kafka.security.tokens.token(USER)),
    )


def plaintext_to_tls(kafka: Kafka) -> Fault:
    said = f"{kafka.server} expects TLS, not KAFKA_SECURITY_PROTOCOL=PLAINTEXT"
    return Fault({"KAFKA_BOOTSTRAP_SERVERS": kafka.server}, "refused", said)


def login_without_tls(kafka: Kafka) -> Fault:
    environment = kafka.login() | {"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT"}
    del environment["KAFKA_SSL_CAFILE"]
    said = f"{kafka.server} expects TLS, not KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT"
    return Fault(environment, "refused", said)


def no_login(kafka: Kafka) -> Fault:
    environment = kafka.login() | {"KAFKA_SECURITY_PROTOCOL": "SSL"}
    environment = {name: it for name, it in environment.items() if "_SASL_" not in name}
    said = f"{kafka.server} expects a login, not KAFKA_SECURITY_PROTOCOL=SSL"
    return Fault(environment, "refused", said)


def tls_to_plaintext(kafka: Kafka) -> Fault:
    port = free_port("127.0.0.1")
    server = f"127.0.0.1:{port}"
    fault = Fault(
        kafka.login(server),
        "refused",
        f"{server} does not speak TLS, which KAFKA_SECURITY_PROTOCOL=SASL_SSL asks for",
        lambda stack: stack.enter_context(leading_to(port, kafka.server)),
    )
    open_kafka = fault.away.enter_context(EmbeddedKafka())
    fault.away.enter_context(leading_to(port, open_kafka.bootstrap_servers))
    return fault


def unknown_authority(kafka: Kafka) -> Fault:
    stranger = Authority(kafka.folder)
    return Fault(
        kafka.login() | {"KAFKA_SSL_CAFILE": str(stranger.certificate)},
        "certificate",
        f"the certificate of broker {kafka.server} is not signed by an authority in "
        "KAFKA_SSL_CAFILE",
        lambda _: shutil.copy(kafka.security.authority.certificate, stranger.certificate),
    )


def _shown(kafka: Kafka, name: str, hosts: list[str], days: int, said: str) -> Fault:
    port = free_port("127.0.0.1")
    shown = kafka.security.authority.issue(name, hosts=hosts, days=days)
    fault = Fault(
        kafka.login(f"127.0.0.1:{port}"),
        "certificate",
        f"the certificate of broker 127.0.0.1:{port} {said}",
        lambda stack: stack.enter_context(leading_to(port, kafka.server)),
    )
    fault.away.enter_context(speaking_tls(port, shown))
    return fault


def expired_broker(kafka: Kafka) -> Fault:
    return _shown(kafka, "late-broker", ["127.0.0.1"], -1, "has expired")


def other_host(kafka: Kafka) -> Fault:
    return _shown(kafka, "other-broker", ["kafka.example"], 1, "is not for this host name")


def no_broker(kafka: Kafka) -> Fault:
    port = free_port("127.0.0.1")
    return Fault(
        kafka.login(f"127.0.0.1:{port}"),
        "unreachable",
        f"127.0.0.1:{port} does not answer",
        lambda stack: stack.enter_context(leading_to(port, kafka.server)),
    )


def silent_broker(kafka: Kafka) -> Fault:
    fault = no_broker(kafka)
    port = int(fault.environment["KAFKA_BOOTSTRAP_SERVERS"].rpartition(":")[2])

    async def listen(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    fault.away.enter_context(listening(port, listen))
    return fault


def unknown_host(kafka: Kafka) -> Fault:
    said = "the host name of kafka.invalid:9093 is not known"
    return Fault(kafka.login("kafka.invalid:9093"), "unreachable", said)


def _certificate(kafka: Kafka, authority: Authority, days: int, said: str) -> Fault:
    ours = authority.issue("ours", days=days)

    def mend(_: ExitStack) -> None:
        right = kafka.security.authority.issue(USER)
        shutil.copy(right.key, ours.key)
        shutil.copy(right.certificate, ours.certificate)

    files = {"KAFKA_SSL_CERTFILE": str(ours.certificate), "KAFKA_SSL_KEYFILE": str(ours.key)}
    server = kafka.cluster.tls_servers.split(",")[0]
    return Fault(kafka.certificate() | files, "certificate", said.format(server), mend)


def expired_certificate(kafka: Kafka) -> Fault:
    said = "our certificate in KAFKA_SSL_CERTFILE has expired: broker {} refused it"
    return _certificate(kafka, kafka.security.authority, -1, said)


def certificate_of_a_stranger(kafka: Kafka) -> Fault:
    said = "broker {} refused our certificate in KAFKA_SSL_CERTFILE"
    return _certificate(kafka, Authority(kafka.folder), 1, said)


def no_certificate(kafka: Kafka) -> Fault:
    environment = kafka.certificate()
    del environment["KAFKA_SSL_CERTFILE"], environment["KAFKA_SSL_KEYFILE"]
    server = kafka.cluster.tls_servers.split(",")[0]
    said = f"broker {server} asks for a certificate: name ours with KAFKA_SSL_CERTFILE"
    return Fault(environment, "certificate", said)


TABLE: tuple[Make, ...] = (
    wrong_password,
    unknown_user,
    wrong_plain_password,
    refused_token,
    unknown_client,
    silent_endpoint,
    provider_that_raises,
    plaintext_to_tls,
    login_without_tls,
    no_login,
    tls_to_plaintext,
    unknown_authority,
    expired_broker,
    other_host,
    no_broker,
    silent_broker,
    unknown_host,
    expired_certificate,
    certificate_of_a_stranger,
    no_certificate,
)


@pytest.mark.parametrize("make", TABLE, ids=lambda make: make.__name__)
def test_each_shut_door_is_named_and_opens_when_it_is_mended(
    secured_kafka: Kafka, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = make(secured_kafka)
    environment = own_names(secured_kafka.cluster.bootstrap_servers) | fault.environment
    with ExitStack() as stack, fault.away:
        started = monotonic()
        service = stack.enter_context(running(environment))
        asked = stack.enter_context(ThreadPoolExecutor(1)).submit(
            asker_says, fault.sentence, environment, monkeypatch
        )
        wait_until(lambda: told(service, fault.sentence) > 0, IN_TIME_SECONDS)
        seconds = monotonic() - started
        counted = f'riverline_faults_total{{kind="{fault.kind}"}}'
        wait_until(lambda: service.metric(counted) >= 2)
        assert service.status("/readyz") == 503
        assert fault.sentence in service.page("/readyz")
        assert service.status("/livez") == 200
        assert told(service, fault.sentence) == 1
        asked.result()
        fault.away.close()
        if fault.mend is not None:
            fault.mend(stack)
            wait_until(lambda: service.ready)
            assert "event=recovered" in service.log.read_text()
        assert service.process.poll() is None
        said = service.log.read_text()
        assert not [it for it in (PASSWORD, SECRET, "eyJ") if it in said]  # eyJ: a token begins so
    print({"told after s": round(seconds, 1)})  # noqa: T201


@contextmanager
def running(environment: dict[str, str]) -> Iterator[Service]:
    """A service; what it says is shown of a test that fails."""
    with running_service(**environment) as service:
        try:
            yield service
        finally:
            print(service.log.read_text())  # noqa: T201 - pytest shows it of a failed test


def told(service: Service, sentence: str) -> int:
    """How often the log tells of it."""
    lines = service.log.read_text().splitlines()
    return sum("event=fault" in line and sentence in line for line in lines)


def asker_says(sentence: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """An application's client raises its documented error, in time, and the error says the same."""
    with monkeypatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.syspath_prepend(environment.get("PYTHONPATH", "."))
        patch.delitem(sys.modules, "identity", raising=False)
        settings = Environment.read()
        started = monotonic()
        with unclosed_sockets(), pytest.raises(KafkaUnavailableError) as error:
            PredictionClient(settings, timeout=5)
        assert str(error.value) == sentence
        assert monotonic() - started < 5 + 1.5


def changed_password(kafka: Kafka) -> Fault:
    kafka.set_password(USER, PASSWORD)
    return Fault(
        kafka.login(),
        "refused",
        f"Kafka refused the password of user {USER} (SCRAM-SHA-512)",
        lambda _: kafka.set_password(USER, PASSWORD),
        begin=lambda: kafka.set_password(USER, "new-" + PASSWORD),
    )


def failing_provider(kafka: Kafka) -> Fault:
    kafka.set_password(USER, PASSWORD)
    fault = provider_that_raises(kafka)
    assert fault.mend is not None
    fault.mend(fault.away)
    fault.begin = (kafka.folder / "token").unlink
    return fault


@pytest.mark.parametrize("make", [changed_password, failing_provider], ids=lambda it: it.__name__)
def test_a_door_that_shuts_while_the_service_runs_is_named_and_nothing_is_lost(
    make: Make, tmp_path: Path
) -> None:
    with EmbeddedCluster(1, security=Security(tmp_path / "secure")) as cluster:
        fault = make(Kafka(cluster, tmp_path))
        assert fault.mend is not None
        environment = own_names(cluster.bootstrap_servers) | fault.environment
        with running(environment) as service:
            wait_until(lambda: service.ready)
            assert produce(environment, "simulate", "--count", "500") == (0, "")
            fault.begin()
            cluster.kill()
            cluster.start()
            started = monotonic()
            wait_until(lambda: told(service, fault.sentence) == 1, IN_TIME_SECONDS)
            print({"told after s": round(monotonic() - started, 1)})  # noqa: T201
            assert fault.sentence in service.page("/readyz")
            fault.mend(fault.away)
            wait_until(lambda: service.ready)
            assert produce(environment, "simulate", "--count", "500") == (0, "")
            wait_until(lambda: service.metric(LEARNED) == 1000)
            assert service.process.poll() is None


def ways_in(kafka: Kafka, port: int) -> dict[str, dict[str, str]]:
    """Each way to come in, by its name."""
    admin = kafka.security.environment(ADMIN, kafka.cluster.bootstrap_servers, "PLAIN")
    file = kafka.folder / "password"
    file.write_text(PASSWORD + "\n")
    by_file = kafka.login() | {"KAFKA_SASL_PLAIN_PASSWORD_FILE": str(file)}
    del by_file["KAFKA_SASL_PLAIN_PASSWORD"]
    locked = Authority(kafka.security.folder).issue(USER, password=SECRET)
    (kafka.folder / "identity.py").write_text(
        f"def token() -> str:\n    return {kafka.security.tokens.token(USER)!r}\n"
    )
    return {
        "PLAIN": admin,
        "SCRAM-SHA-256": kafka.login(mechanism="SCRAM-SHA-256"),
        "SCRAM-SHA-512": kafka.login(),
        "a password in a file": by_file,
        "client credentials": kafka.endpoint(port) | {f"{OAUTH}_SCOPE": "kafka all"},
        "a token provider": kafka.bearer()
        | {
            "KAFKA_SASL_OAUTH_TOKEN_PROVIDER": "identity:token",
            "PYTHONPATH": str(kafka.folder),
        },
        "a certificate, its key encrypted": kafka.certificate()
        | {
            "KAFKA_SSL_CERTFILE": str(locked.certificate),
            "KAFKA_SSL_KEYFILE": str(locked.key),
            "KAFKA_SSL_PASSWORD": SECRET,
        },
    }


@pytest.mark.parametrize(
    "way",
    [
        "PLAIN",
        "SCRAM-SHA-256",
        "SCRAM-SHA-512",
        "a password in a file",
        "client credentials",
        "a token provider",
        "a certificate, its key encrypted",
    ],
)
def test_each_way_in_opens_to_the_whole_job(secured_kafka: Kafka, way: str) -> None:
    secured_kafka.set_password(USER, PASSWORD, "SCRAM-SHA-256")
    port = free_port("127.0.0.1")
    endpoint = TokenEndpoint(secured_kafka.security.tokens.token(USER))
    names = own_names(secured_kafka.cluster.bootstrap_servers)
    with giving_tokens(endpoint, CLIENT, port):
        environment = names | ways_in(secured_kafka, port)[way]
        with running(environment) as service:
            wait_until(lambda: service.ready)
            assert produce(environment, "simulate", "--count", "500") == (0, "")
            wait_until(lambda: service.metric(LEARNED) == 500)
            code, answer = produce(environment, "ask", "tv=50")
            assert (code, '"events":500' in answer) == (0, True)
            assert told(service, "") == 0
    if way == "client credentials":
        assert set(endpoint.asked) == {"grant_type=client_credentials&scope=kafka+all"}


@pytest.mark.parametrize("command", [("ask", "--timeout", "4"), ("simulate", "--count", "1")])
def test_a_command_that_is_shut_out_says_why_and_ends_with_3(
    secured_kafka: Kafka, command: tuple[str, ...]
) -> None:
    names = own_names(secured_kafka.cluster.bootstrap_servers)
    wrong = {"KAFKA_SASL_PLAIN_PASSWORD": "wrong"}
    code, said = produce(names | secured_kafka.login() | wrong, *command)
    assert code == 3
    assert said == f"Kafka refused the password of user {USER} (SCRAM-SHA-512)\n"


def produce(environment: dict[str, str], *command: str) -> tuple[int, str]:
    """A command of the producer's: its exit code, and its answer or what it has against it."""
    done = subprocess.run(
        [sys.executable, "-m", "producer", *command],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout if done.returncode == 0 else done.stderr
