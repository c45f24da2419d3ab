"""Ways to be shut out of Kafka: real ones, before a secured Kafka."""

import asyncio
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

from broker import EmbeddedKafka
from broker.certificates import Authority
from broker.ports import free_port
from gateway.doors import TokenEndpoint, giving_tokens, leading_to, listening, speaking_tls

from .secured_kafka import CLIENT, PASSWORD, USER, Kafka


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
