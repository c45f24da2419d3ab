"""The doors of a secured cluster: who comes in, who does not, and what they may do."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    NewTopic,
    ResourcePattern,
    ResourceType,
)
from kafka.errors import KafkaTimeoutError, TopicAuthorizationFailedError
from kafka.net.sasl.oauth import AbstractTokenProvider

from broker import DataFolderError, EmbeddedCluster, Security
from broker.security import ADMIN
from contract.environment import Environment
from foreground import command, ended
from leaks import unclosed_sockets
from support.waiting import wait_until

pytestmark = [
    pytest.mark.slow,  # three more brokers
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates"),
]

USER = "riverline"
REFUSED_MS = 800  # kafka-python tries again and again: this is long enough to be refused


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCluster]:
    """A secured cluster with the topic `open`, which the user may write to and describe."""
    with EmbeddedCluster(3, security=Security(tmp_path_factory.mktemp("secure"))) as cluster:
        with KafkaAdminClient(**admin_of(cluster)) as admin:
            admin.create_topics([NewTopic("open", 3, 3), NewTopic("closed", 3, 3)])
            admin.create_acls(
                [allow("open", ACLOperation.WRITE), allow("open", ACLOperation.DESCRIBE)]
            )
        cluster.wait_until_in_sync()
        yield cluster


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"])
def test_the_right_password_opens(doors: EmbeddedCluster, mechanism: str) -> None:
    assert sees_the_topic(password(doors) | {"sasl_mechanism": mechanism})


@pytest.mark.parametrize(
    ("mechanism", "reason"),
    [
        ("SCRAM-SHA-512", "invalid credentials with SASL mechanism SCRAM-SHA-512"),
        ("SCRAM-SHA-256", "invalid credentials with SASL mechanism SCRAM-SHA-256"),
        ("PLAIN", "Invalid username or password"),
    ],
)
def test_a_wrong_password_does_not(
    doors: EmbeddedCluster, mechanism: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = password(doors) | {"sasl_mechanism": mechanism, "sasl_plain_password": "wrong"}
    refusal(wrong, caplog)
    assert reason in told_by(doors)


def test_a_token_opens(doors: EmbeddedCluster) -> None:
    assert sees_the_topic(token(doors, lifetime_s=60))


def test_a_token_that_has_expired_does_not(
    doors: EmbeddedCluster, caplog: pytest.LogCaptureFixture
) -> None:
    refusal(token(doors, lifetime_s=-120), caplog)
    assert '{"status":"invalid_token"}' in told_by(doors)


def test_a_certificate_opens(doors: EmbeddedCluster) -> None:
    assert sees_the_topic(certificate(doors))


def test_without_a_certificate_nobody_enters_there(
    doors: EmbeddedCluster, caplog: pytest.LogCaptureFixture
) -> None:
    without = certificate(doors) | {"ssl_certfile": None, "ssl_keyfile": None}
    assert "CERTIFICATE_REQUIRED" in refusal(without, caplog)


def test_an_expired_certificate_does_not_open(
    doors: EmbeddedCluster, caplog: pytest.LogCaptureFixture
) -> None:
    expired = security(doors).authority.issue("late", days=-1)
    options = certificate(doors) | {"ssl_certfile": expired.certificate, "ssl_keyfile": expired.key}
    assert "CERTIFICATE_UNKNOWN" in refusal(options, caplog)


def test_an_encrypted_key_opens_with_its_password(doors: EmbeddedCluster) -> None:
    locked = security(doors).authority.issue("locked", password="secret")  # noqa: S106
    assert "ENCRYPTED" in locked.key.read_text()
    options = certificate(doors) | {"ssl_certfile": locked.certificate, "ssl_keyfile": locked.key}
    with KafkaAdminClient(**options, ssl_password="secret") as admin:  # noqa: S106
        assert admin.list_topics() == []  # another principal


def test_another_authority_is_not_trusted(
    doors: EmbeddedCluster, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    stranger = Security(tmp_path)
    stranger.prepare(None)
    options = password(doors) | {"ssl_cafile": stranger.authority.certificate}
    assert "CERTIFICATE_VERIFY_FAILED" in refusal(options, caplog)


def test_the_brokers_certificate_names_its_host_alone(
    doors: EmbeddedCluster, caplog: pytest.LogCaptureFixture
) -> None:
    elsewhere = password(doors)
    elsewhere["bootstrap_servers"] = doors.bootstrap_servers.replace("127.0.0.1", "localhost")
    assert "not valid for 'localhost'" in refusal(elsewhere, caplog)
    assert sees_the_topic(elsewhere | {"ssl_check_hostname": False})


def test_nobody_enters_without_tls(
    doors: EmbeddedCluster, caplog: pytest.LogCaptureFixture
) -> None:
    for listener in doors.bootstrap_servers, doors.tls_servers, controllers(doors):
        assert refusal({"bootstrap_servers": listener}, caplog)


def test_nobody_reaches_the_controllers_without_a_certificate(
    doors: EmbeddedCluster, caplog: pytest.LogCaptureFixture
) -> None:
    without = certificate(doors) | {"ssl_certfile": None, "ssl_keyfile": None}
    assert "CERTIFICATE_REQUIRED" in refusal(
        without | {"bootstrap_servers": controllers(doors)}, caplog
    )


def test_a_secured_broker_that_was_killed_comes_back(tmp_path: Path) -> None:
    with EmbeddedCluster(3, security=Security(tmp_path / "secure")) as cluster:
        with KafkaAdminClient(**admin_of(cluster)) as admin:
            admin.create_topics([NewTopic("kept", 3, 3)])
        cluster.kill(1)
        cluster.start(1)
        cluster.wait_until_in_sync()


def test_what_no_acl_allows_is_denied_until_one_does(doors: EmbeddedCluster) -> None:
    with KafkaProducer(**password(doors)) as producer:
        assert producer.send("open", b"allowed").get(timeout=20).offset >= 0
        with pytest.raises(TopicAuthorizationFailedError):
            producer.send("closed", b"denied").get(timeout=20)
        with KafkaAdminClient(**admin_of(doors)) as admin:
            admin.create_acls([allow("closed", ACLOperation.WRITE)])

        def written() -> bool:
            try:
                return bool(producer.send("closed", b"allowed").get(timeout=20).offset >= 0)
            except TopicAuthorizationFailedError:
                return False  # the brokers learn of it one after another

        wait_until(written)


def test_the_files_for_clients_are_for_nobody_else_and_as_our_programs_read_them(
    doors: EmbeddedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = security(doors).folder
    assert folder.stat().st_mode & 0o077 == 0
    for name in f"{USER}.env", f"{USER}-tls.env":
        file = folder / name
        assert file.stat().st_mode & 0o077 == 0
        with monkeypatch.context() as patch:
            for line in file.read_text().splitlines():
                patch.setenv(*line.split("=", 1))
            assert sees_the_topic(Environment.read().client_options())
    assert "scram.ScramLoginModule" in (folder / "admin.properties").read_text()


def test_passwords_of_another_cluster_are_refused(tmp_path: Path) -> None:
    security = Security(tmp_path / "secure")
    known = security.prepare(None)
    assert security.prepare(known) == known
    with pytest.raises(DataFolderError, match="aren't those of the cluster whose records are"):
        security.prepare("another")
    with pytest.raises(DataFolderError, match="aren't those of the cluster whose records are"):
        Security(tmp_path / "secure", users=["new"]).prepare(known)


def test_the_command_says_how_to_connect_and_lets_in_again_after_a_restart(tmp_path: Path) -> None:
    arguments = ("--port", "0", "--data", str(tmp_path / "data"), "--secure", str(tmp_path / "key"))
    passwords = []
    for _life in range(2):
        with command(*arguments) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _line in range(4)]
            servers = lines[0].removeprefix("ready ").strip()
            assert lines[1].startswith("with a certificate 127.0.0.1:")
            assert lines[3] == f"as riverline: set -a; . {tmp_path}/key/riverline.env\n"
            env = dict(
                line.split("=", 1) for line in (tmp_path / "key/admin.env").read_text().splitlines()
            )
            assert env["KAFKA_BOOTSTRAP_SERVERS"] == servers
            passwords.append(env["KAFKA_SASL_PLAIN_PASSWORD"])
            with KafkaAdminClient(**options(env)) as admin:
                assert len(admin.describe_cluster()["brokers"]) == 1
            process.terminate()
            assert ended(process) == (0, "")
    assert passwords[0] == passwords[1]


def test_without_openssl_the_command_says_what_it_needs(tmp_path: Path) -> None:
    with command("--port", "0", "--secure", str(tmp_path / "secure"), PATH="/nowhere") as process:
        exit_code, told = ended(process)
    assert exit_code == 1
    assert told.startswith("A secured Kafka needs the command `openssl`")
    assert told.count("\n") == 1


class Tokens(AbstractTokenProvider):  # type: ignore[misc]  # kafka-python has no types
    def __init__(self, token: str) -> None:
        self._token = token

    def token(self) -> str:
        return self._token


def security(cluster: EmbeddedCluster) -> Security:
    assert cluster.security is not None
    return cluster.security


def options(environment: dict[str, str]) -> dict[str, Any]:
    """kafka-python's options, from our variables."""
    return {name.removeprefix("KAFKA_").lower(): value for name, value in environment.items()}


def admin_of(cluster: EmbeddedCluster) -> dict[str, Any]:
    return options(security(cluster).environment(ADMIN, cluster.bootstrap_servers))


def password(cluster: EmbeddedCluster) -> dict[str, Any]:
    return options(security(cluster).environment(USER, cluster.bootstrap_servers))


def certificate(cluster: EmbeddedCluster) -> dict[str, Any]:
    return options(security(cluster).tls_environment(USER, cluster.tls_servers))


def token(cluster: EmbeddedCluster, *, lifetime_s: float) -> dict[str, Any]:
    bearer = security(cluster).tokens.token(USER, lifetime_s=lifetime_s)
    provider = {"sasl_mechanism": "OAUTHBEARER", "sasl_oauth_token_provider": Tokens(bearer)}
    known = password(cluster).items()
    return {name: value for name, value in known if "plain" not in name} | provider


def controllers(cluster: EmbeddedCluster) -> str:
    """HOST:PORT,... of the controllers."""
    properties = (cluster.broker(1).data / "server.properties").read_text()
    (voters,) = [
        line
        for line in properties.splitlines()
        if line.startswith("controller.quorum.voters=1@1") and line.count("@") == 3
    ]
    return ",".join(voter.partition("@")[2] for voter in voters.partition("=")[2].split(","))


def allow(topic: str, operation: ACLOperation) -> ACL:
    pattern = ResourcePattern(ResourceType.TOPIC, topic)
    return ACL(f"User:{USER}", "*", operation, ACLPermissionType.ALLOW, pattern)


def sees_the_topic(options: dict[str, Any]) -> bool:
    """Whether a client with these options comes in, as the user."""
    known = {
        name: value for name, value in options.items() if name in KafkaAdminClient.DEFAULT_CONFIG
    }
    with KafkaAdminClient(**known) as admin:
        return "open" in admin.list_topics()


def told_by(cluster: EmbeddedCluster) -> str:
    """What the brokers log.  The reason doesn't always reach kafka-python, which reads the end of
    the connection with it.
    """
    logs = [cluster.broker(number).data / "kafka.log" for number in cluster.numbers]
    return "".join(log.read_text() for log in logs)


def refusal(options: dict[str, Any], caplog: pytest.LogCaptureFixture) -> str:
    """What kafka-python logs when it is not let in."""
    caplog.clear()
    with unclosed_sockets():
        with pytest.raises(KafkaTimeoutError, match="Unable to bootstrap"):
            KafkaAdminClient(**options, bootstrap_timeout_ms=REFUSED_MS)
        told = caplog.text
        caplog.clear()
    return told
