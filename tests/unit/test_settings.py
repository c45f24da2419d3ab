"""The environment is read once, and all its faults are told together."""

import os
from pathlib import Path

import pytest

from consumer.settings import Settings
from contract.environment import Environment, SettingsError

SECRET = "hunter2-do-not-show"  # noqa: S105 - a password of no account

Set = pytest.MonkeyPatch


@pytest.fixture(autouse=True)
def _defaults_alone(monkeypatch: Set) -> None:
    """Whatever the tests themselves run with is not read."""
    names = {name.upper() for name in Settings.model_fields}
    for name in list(os.environ):
        if name.upper() in names or name.startswith(("KAFKA_SSL_", "KAFKA_SASL_")):
            monkeypatch.delenv(name)


def faults(monkeypatch: Set, **environ: str) -> list[str]:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as error:
        Settings.read()
    return str(error.value).splitlines()


def read(monkeypatch: Set, **environ: str) -> Settings:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return Settings.read()


def test_without_an_environment_the_defaults_are_the_documented_ones() -> None:
    settings = Settings.read()
    assert settings.kafka_bootstrap_servers == ("127.0.0.1:9092",)
    assert settings.application_id == "riverline"
    assert [topic.name for topic in settings.topics] == [
        "mobile-events",
        "prediction-requests",
        "prediction-replies",
        "mobile-events.dead-letters",
    ]
    assert settings.fields == ("tv", "radio", "newspaper", "sales")
    assert (settings.formula, settings.learner) == ("sales ~ tv", "bayesian")
    assert settings.checkpoint_interval_ms == 1000
    assert (settings.replies_buffer_bytes, settings.dead_letters_buffer_bytes) == (2**26, 2**25)
    assert (settings.http_host, settings.http_port) == ("127.0.0.1", 8000)


def test_two_faults_are_both_named(monkeypatch: Set) -> None:
    told = faults(monkeypatch, HTTP_PORT="70000", LEARNER="oracle")
    assert sorted(line.partition(":")[0] for line in told) == ["HTTP_PORT", "LEARNER"]


def test_every_fault_is_named_in_a_line_of_its_own(monkeypatch: Set) -> None:
    environ = {
        "APPLICATION_ID": "a b",
        "CHECKPOINT_INTERVAL_MS": "0",
        "DEAD_LETTER_TOPIC": "mobile-events",
        "FIELDS": "tv,tv",
        "HTTP_PORT": "http",
        "INSTANCE_ID": "a/b",
        "KAFKA_BOOTSTRAP_SERVERS": " , ",
        "KAFKA_SASL_MECHANISM": "GSSAPI",
        "KAFKA_SECURITY_PROTOCOL": "TLS",
        "KAFKA_SSL_CAFILE": "/nowhere/ca.pem",
        "LEARNER": "oracle",
        "REPLIES_TOPIC": "with space",
    }
    told = faults(monkeypatch, **environ)
    assert sorted(line.partition(":")[0] for line in told) == sorted(environ)


@pytest.mark.parametrize(
    "formula",
    ["", "sales", "sales ~", "sales ~ price", "sales ~ sales", "sales ~ exec('1')", "~ tv"],
)
def test_a_formula_that_does_not_parse_is_a_fault(monkeypatch: Set, formula: str) -> None:
    (told,) = faults(monkeypatch, FORMULA=formula)
    assert told.startswith("FORMULA: ")


def test_a_formula_is_over_the_fields_that_are_configured(monkeypatch: Set) -> None:
    recipe = read(monkeypatch, FIELDS=" x , y ", FORMULA="y ~ x").recipe
    assert (recipe.fields, recipe.terms) == (("x", "y"), ("Intercept", "x"))


@pytest.mark.parametrize("fields", ["", " , ", "tv,tv", "method,sales", "1tv,sales", "t v,sales"])
def test_fields_that_cannot_be_are_one_fault_and_not_one_of_the_formula(
    monkeypatch: Set, fields: str
) -> None:
    (told,) = faults(monkeypatch, FIELDS=fields)
    assert told.startswith("FIELDS: ")


def test_a_topic_may_have_one_role_only(monkeypatch: Set) -> None:
    (told,) = faults(monkeypatch, REPLIES_TOPIC="mobile-events")
    assert "must differ" in told


def test_an_option_of_kafka_that_there_is_none_of_is_named(monkeypatch: Set) -> None:
    told = faults(monkeypatch, KAFKA_SSL_CA_FILE="ca.pem", KAFKA_SASL_PASSWORD=SECRET)
    assert [line.partition(":")[0] for line in told] == ["KAFKA_SASL_PASSWORD", "KAFKA_SSL_CA_FILE"]
    assert SECRET not in "".join(told)


def test_an_unknown_option_and_a_faulty_one_are_told_together(monkeypatch: Set) -> None:
    told = faults(monkeypatch, KAFKA_SSL_CA_FILE="ca.pem", HTTP_PORT="-1")
    assert [line.partition(":")[0] for line in told] == ["KAFKA_SSL_CA_FILE", "HTTP_PORT"]


def test_secrets_are_shown_nowhere_but_to_the_client(monkeypatch: Set) -> None:
    settings = read(
        monkeypatch, KAFKA_SASL_PLAIN_PASSWORD=SECRET, KAFKA_SSL_PASSWORD=SECRET + "-key"
    )
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings)
    assert SECRET not in settings.model_dump_json()
    assert SECRET not in Settings.help()
    options = settings.client_options()
    assert options["sasl_plain_password"] == SECRET
    assert options["ssl_password"] == SECRET + "-key"


def test_no_fault_repeats_a_value(monkeypatch: Set) -> None:
    told = faults(
        monkeypatch,
        KAFKA_SASL_PLAIN_PASSWORD=SECRET,
        KAFKA_SSL_CHECK_HOSTNAME=SECRET,
        KAFKA_SASL_MECHANISM=SECRET,
        KAFKA_SECURITY_PROTOCOL=SECRET,
        KAFKA_SSL_CAFILE=f"/nowhere/{SECRET}",
        INSTANCE_ID=f"{SECRET}!",
    )
    assert len(told) == 5
    assert SECRET not in "".join(told)


def test_options_of_kafka_reach_the_client_under_their_own_names(
    monkeypatch: Set, tmp_path: Path
) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text("")
    options = read(
        monkeypatch,
        KAFKA_BOOTSTRAP_SERVERS="a:1, b:2",
        KAFKA_SECURITY_PROTOCOL="SASL_SSL",
        KAFKA_SASL_MECHANISM="SCRAM-SHA-512",
        KAFKA_SASL_PLAIN_USERNAME="riverline",
        KAFKA_SSL_CAFILE=str(ca),
        KAFKA_SSL_CHECK_HOSTNAME="false",
    ).client_options()
    assert options["bootstrap_servers"] == ["a:1", "b:2"]
    assert options["security_protocol"] == "SASL_SSL"
    assert options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert options["sasl_plain_username"] == "riverline"
    assert options["ssl_cafile"] == str(ca)
    assert options["ssl_check_hostname"] is False


@pytest.mark.parametrize(
    ("topic", "may"),
    [
        ("prediction-replies", True),
        ("prediction-replies-7", True),
        ("prediction-requests.reply", True),
        ("f-reply-1b2c", True),
        ("prediction-requests", False),
        ("mobile-events", False),
        ("mobile-events.dead-letters", False),
        ("riverline-changelog", False),
        ("__consumer_offsets", False),
        ("another", False),
        ("", False),
    ],
)
def test_replies_go_to_allowed_topics_and_never_to_the_services_own(
    topic: str,
    may: bool,  # noqa: FBT001 - a column of the table
) -> None:
    assert Settings.read().may_reply_to(topic) is may


def test_a_pattern_that_allows_everything_still_spares_the_services_own(monkeypatch: Set) -> None:
    settings = read(monkeypatch, REPLY_TOPIC_PATTERNS="*")
    assert settings.may_reply_to("another")
    for topic in ("mobile-events", "prediction-requests", "mobile-events.dead-letters"):
        assert not settings.may_reply_to(topic)
    assert not settings.may_reply_to("riverline-changelog")
    assert not settings.may_reply_to("__transaction_state")


def test_a_member_has_the_same_name_after_a_restart_and_another_on_another_port(
    monkeypatch: Set,
) -> None:
    assert Settings.read().member == Settings.read().member
    assert read(monkeypatch, HTTP_PORT="8001").member.endswith("-8001")
    assert read(monkeypatch, INSTANCE_ID="blue-1").member == "blue-1"


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings.read().http_port = 1  # type: ignore[misc]  # and mypy says so too


def test_the_help_names_every_variable() -> None:
    for made in (Environment, Settings):
        assert all(name.upper() in made.help() for name in made.model_fields)


def test_more_replicas_cannot_be_in_sync_than_there_are(monkeypatch: Set) -> None:
    (told,) = faults(monkeypatch, REPLICATION_FACTOR="2", MIN_INSYNC_REPLICAS="3")
    assert told.startswith("MIN_INSYNC_REPLICAS: is more than REPLICATION_FACTOR, 2")
