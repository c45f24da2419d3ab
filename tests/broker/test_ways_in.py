"""Each way into a secured Kafka opens to the whole job; a command that is shut out says why."""

import shutil

import pytest

from broker.certificates import Authority
from broker.ports import free_port
from broker.security import ADMIN
from gateway.doors import TokenEndpoint, giving_tokens
from support.service import LEARNED, own_names
from support.waiting import wait_until

from .secured_kafka import CLIENT, OAUTH, PASSWORD, SECRET, USER, Kafka, produce, running, told

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates"),
]


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
