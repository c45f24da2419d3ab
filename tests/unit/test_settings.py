"""The environment is read once, and all its faults are told together."""

import os
import shutil
from pathlib import Path

import pytest

from broker.certificates import Authority
from consumer.settings import Settings
from contract.environment import Environment, SettingsError

SECRET = "hunter2-do-not-show"  # noqa: S105 - a password of no account

LOGIN = {
    "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "KAFKA_SASL_PLAIN_USERNAME": "riverline",
    "KAFKA_SASL_PLAIN_PASSWORD": "s3cret",
}

Set = pytest.MonkeyPatch


@pytest.fixture(autouse=True)
def _defaults_alone(monkeypatch: Set) -> None:
    """Whatever the tests themselves run with is not read."""
    names = {name.upper() for name in Settings.model_fields}
    for name in list(os.environ):
        if name.upper() in names or name.startswith(("KAFKA_SSL_", "KAFKA_SASL_")):
            monkeypatch.delenv(name)


def test_challengers_need_a_learner_that_any_of_them_can_be_promoted_with(
    tmp_path: Path, monkeypatch: Set
) -> None:
    file = tmp_path / "model.toml"
    file.write_text('formula = "y ~ x"\nchallengers = ["y ~ 1"]\n[fields.x]\n[fields.y]\n')
    monkeypatch.setenv("MODEL", str(file))
    assert [str(it.formula) for it in Settings.read().spec.challengers] == ["y ~ 1"]
    monkeypatch.setenv("LEARNER", "sgd")
    with pytest.raises(SettingsError, match="challengers need LEARNER=bayesian"):
        Settings.read()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Who signs certificates."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificates")
    return Authority(tmp_path)


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
    assert (settings.checkpoint_interval_ms, settings.planned_events) == (1000, 1000)
    assert (settings.replies_buffer_bytes, settings.dead_letters_buffer_bytes) == (2**26, 2**25)
    assert (settings.http_host, settings.http_port) == ("127.0.0.1", 8000)


def test_the_log_s_level_and_format_are_words_in_any_case(monkeypatch: Set) -> None:
    assert (Settings.read().log_level, Settings.read().log_format) == ("info", None)
    settings = read(monkeypatch, LOG_LEVEL="Warning", LOG_FORMAT="JSON")
    assert (settings.log_level, settings.log_format) == ("warning", "json")
    told = faults(monkeypatch, LOG_LEVEL="loud", LOG_FORMAT="xml")
    assert [line.partition(":")[0] for line in told] == ["LOG_LEVEL", "LOG_FORMAT"]


def test_there_are_no_spans_unless_they_are_asked_for(monkeypatch: Set) -> None:
    assert Settings.read().otel_traces_exporter == "none"
    for text, meant in (("", "none"), ("none", "none"), ("otlp", "otlp")):
        monkeypatch.setenv("OTEL_TRACES_EXPORTER", text)
        assert Settings.read().otel_traces_exporter == meant


def test_spans_go_out_by_otlp_alone(monkeypatch: Set) -> None:
    (told,) = faults(monkeypatch, OTEL_TRACES_EXPORTER="zipkin")
    assert told.startswith("OTEL_TRACES_EXPORTER: ")


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
        "PLANNED_EVENTS": "999",
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
    spec = read(monkeypatch, FIELDS=" x , y ", FORMULA="y ~ x").spec
    assert (spec.fields, spec.terms) == (("x", "y"), ("Intercept", "x"))


@pytest.mark.parametrize("fields", ["", " , ", "tv,tv", "method,sales", "1tv,sales", "t v,sales"])
def test_fields_that_cannot_be_are_one_fault_and_not_one_of_the_formula(
    monkeypatch: Set, fields: str
) -> None:
    (told,) = faults(monkeypatch, FIELDS=fields)
    assert told.startswith("FIELDS: ")


@pytest.mark.parametrize("servers", ["kafka", "kafka:", ":9092", "a:1,b", "kafka:65536"])
def test_a_server_has_a_host_and_a_port(monkeypatch: Set, servers: str) -> None:
    told = faults(monkeypatch, KAFKA_BOOTSTRAP_SERVERS=servers)
    assert told == ["KAFKA_BOOTSTRAP_SERVERS: must be HOST:PORT,..."]


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
    settings = read(monkeypatch, **LOGIN | {"KAFKA_SASL_PLAIN_PASSWORD": SECRET})
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings)
    assert SECRET not in settings.model_dump_json()
    assert SECRET not in Settings.help()
    assert settings.client_options()["sasl_plain_password"] == SECRET


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
    monkeypatch: Set, authority: Authority
) -> None:
    options = read(
        monkeypatch,
        **LOGIN,
        KAFKA_BOOTSTRAP_SERVERS="a:1, b:2",
        KAFKA_SSL_CAFILE=str(authority.certificate),
        KAFKA_SSL_CHECK_HOSTNAME="false",
        KAFKA_SSL_CIPHERS="ECDHE-RSA-AES256-GCM-SHA384",
    ).client_options()
    assert options["bootstrap_servers"] == ["a:1", "b:2"]
    assert options["security_protocol"] == "SASL_SSL"
    assert options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert options["sasl_plain_username"] == "riverline"
    context = options["ssl_context"].context()
    assert context.cert_store_stats()["x509"] == 1
    assert context.check_hostname is False
    assert "ECDHE-RSA-AES128-GCM-SHA256" not in [it["name"] for it in context.get_ciphers()]


def test_a_secret_may_be_in_a_file(monkeypatch: Set, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(SECRET + "\n")
    login = {name: it for name, it in LOGIN.items() if "PASSWORD" not in name}
    settings = read(monkeypatch, **login, KAFKA_SASL_PLAIN_PASSWORD_FILE=str(tmp_path / "password"))
    assert settings.client_options()["sasl_plain_password"] == SECRET


def test_a_file_of_a_secret_that_is_missing_or_one_too_many_is_named(
    monkeypatch: Set, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text(SECRET)
    name = "KAFKA_SASL_PLAIN_PASSWORD"
    told = faults(monkeypatch, **LOGIN, **{f"{name}_FILE": str(tmp_path / "password")})
    assert told == [f"{name}_FILE: {name} is given too"]
    monkeypatch.delenv(name)
    told = faults(monkeypatch, **{f"{name}_FILE": "/nowhere/password"})
    assert told == [f"{name}_FILE: names a file that cannot be read"]


def test_an_option_that_is_left_empty_is_none(monkeypatch: Set) -> None:
    empty = dict.fromkeys(LOGIN, "") | {"KAFKA_SSL_CHECK_HOSTNAME": ""}
    assert read(monkeypatch, **empty).kafka_security_protocol == "PLAINTEXT"


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        (
            {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"},
            ["KAFKA_SASL_MECHANISM: needed by KAFKA_SECURITY_PROTOCOL=SASL_SSL"],
        ),
        (
            {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_MECHANISM": "PLAIN"},
            [
                "KAFKA_SASL_PLAIN_USERNAME: needed by KAFKA_SASL_MECHANISM=PLAIN",
                "KAFKA_SASL_PLAIN_PASSWORD: needed by KAFKA_SASL_MECHANISM=PLAIN",
            ],
        ),
        (
            {"KAFKA_SASL_MECHANISM": "PLAIN", "KAFKA_SSL_CHECK_HOSTNAME": "false"},
            [
                "KAFKA_SSL_CHECK_HOSTNAME: does not go with KAFKA_SECURITY_PROTOCOL=PLAINTEXT",
                "KAFKA_SASL_MECHANISM: does not go with KAFKA_SECURITY_PROTOCOL=PLAINTEXT",
            ],
        ),
        (
            {
                "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
                "KAFKA_SASL_MECHANISM": "OAUTHBEARER",
                "KAFKA_SASL_PLAIN_USERNAME": "riverline",
                "KAFKA_SASL_OAUTHBEARER_CLIENT_ID": "riverline",
                "KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL": "https://id.example/token",
            },
            [
                "KAFKA_SASL_PLAIN_USERNAME: does not go with KAFKA_SASL_MECHANISM=OAUTHBEARER",
                "KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET: needed by KAFKA_SASL_MECHANISM=OAUTHBEARER",
            ],
        ),
        (
            {
                "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
                "KAFKA_SASL_MECHANISM": "OAUTHBEARER",
                "KAFKA_SASL_OAUTHBEARER_SCOPE": "kafka",
                "KAFKA_SASL_OAUTH_TOKEN_PROVIDER": "secrets:token_hex",
            },
            ["KAFKA_SASL_OAUTHBEARER_SCOPE: does not go with KAFKA_SASL_OAUTH_TOKEN_PROVIDER"],
        ),
        (
            {
                "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
                "KAFKA_SASL_MECHANISM": "OAUTHBEARER",
                "KAFKA_SASL_OAUTH_TOKEN_PROVIDER": "secrets:token_of_nothing",
            },
            ["KAFKA_SASL_OAUTH_TOKEN_PROVIDER: cannot be imported (AttributeError)"],
        ),
        (
            {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_PASSWORD": SECRET},
            ["KAFKA_SSL_KEYFILE: needed by KAFKA_SSL_PASSWORD"],
        ),
    ],
)
def test_settings_that_cannot_work_together_are_refused_by_name(
    monkeypatch: Set, environ: dict[str, str], told: list[str]
) -> None:
    assert faults(monkeypatch, **environ) == told


def test_each_file_of_tls_that_is_of_no_use_is_named(
    monkeypatch: Set, authority: Authority, tmp_path: Path
) -> None:
    nothing = tmp_path / "nothing"
    nothing.write_text("nothing")
    ours = authority.issue("riverline")
    names = ("KAFKA_SSL_CAFILE", "KAFKA_SSL_CERTFILE", "KAFKA_SSL_CRLFILE", "KAFKA_SSL_CIPHERS")
    environ = dict.fromkeys(names, str(nothing)) | {"KAFKA_SSL_KEYFILE": str(ours.key)}
    assert faults(monkeypatch, KAFKA_SECURITY_PROTOCOL="SSL", **environ) == [
        "KAFKA_SSL_CAFILE: holds no certificate",
        "KAFKA_SSL_CERTFILE: holds no certificate",
        "KAFKA_SSL_CRLFILE: holds no list of revoked certificates",
        "KAFKA_SSL_CIPHERS: is not an OpenSSL cipher list",
    ]


@pytest.mark.parametrize("fault", ["another's", "locked", "locked otherwise", "nothing"])
def test_a_key_that_does_not_open_is_named(
    monkeypatch: Set, authority: Authority, fault: str
) -> None:
    ours = authority.issue("riverline", password=SECRET if "locked" in fault else "")
    key = ours.key
    if fault == "another's":
        key = authority.issue("another").key
    elif fault == "nothing":
        key.write_text("nothing")
    elif fault == "locked otherwise":
        monkeypatch.setenv("KAFKA_SSL_PASSWORD", "other")
    environ = {"KAFKA_SSL_CERTFILE": str(ours.certificate), "KAFKA_SSL_KEYFILE": str(key)}
    (told,) = faults(monkeypatch, KAFKA_SECURITY_PROTOCOL="SSL", **environ)
    said = {
        "another's": "is not the key of the certificate in KAFKA_SSL_CERTFILE",
        "nothing": "holds no private key",
    }.get(fault, "is encrypted, and KAFKA_SSL_PASSWORD does not open it")
    assert told == f"KAFKA_SSL_KEYFILE: {said}"


def test_an_encrypted_key_opens_with_its_password(monkeypatch: Set, authority: Authority) -> None:
    ours = authority.issue("riverline", password=SECRET)
    settings = read(
        monkeypatch,
        KAFKA_SECURITY_PROTOCOL="SSL",
        KAFKA_SSL_CERTFILE=str(ours.certificate),
        KAFKA_SSL_KEYFILE=str(ours.key),
        KAFKA_SSL_PASSWORD=SECRET,
    )
    assert settings.client_options()["ssl_context"].context()
    assert SECRET not in repr(settings)


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
        assert "KAFKA_SASL_PLAIN_PASSWORD_FILE" in made.help()


def test_more_replicas_cannot_be_in_sync_than_there_are(monkeypatch: Set) -> None:
    (told,) = faults(monkeypatch, REPLICATION_FACTOR="2", MIN_INSYNC_REPLICAS="3")
    assert told.startswith("MIN_INSYNC_REPLICAS: is more than REPLICATION_FACTOR, 2")


def test_the_certificate_of_the_http_port_must_be_one(
    monkeypatch: Set, authority: Authority, tmp_path: Path
) -> None:
    issued, other = authority.issue("service"), authority.issue("other", password="secret")  # noqa: S106
    certificate, key = str(issued.certificate), str(issued.key)
    settings = read(monkeypatch, HTTP_TLS_CERTFILE=certificate, HTTP_TLS_KEYFILE=key)
    assert settings.http_tls_keyfile == issued.key
    both = tmp_path / "both.pem"
    both.write_bytes(issued.certificate.read_bytes() + issued.key.read_bytes())
    monkeypatch.delenv("HTTP_TLS_KEYFILE")
    assert read(monkeypatch, HTTP_TLS_CERTFILE=str(both)).http_tls_certfile == both
    for wrong in (key, certificate, str(other.key)):
        (told,) = faults(
            monkeypatch,
            HTTP_TLS_CERTFILE=certificate if wrong != key else str(other.certificate),
            HTTP_TLS_KEYFILE=wrong,
        )
        assert told.startswith("HTTP_TLS_KEYFILE: does not go with HTTP_TLS_CERTFILE")
    monkeypatch.delenv("HTTP_TLS_CERTFILE")
    (told,) = faults(monkeypatch, HTTP_TLS_KEYFILE=key)
    assert told == "HTTP_TLS_KEYFILE: is given without HTTP_TLS_CERTFILE"


def test_the_token_of_the_http_port_may_be_in_a_file_and_is_not_shown(
    monkeypatch: Set, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(f"{SECRET}\n")
    settings = read(monkeypatch, HTTP_TOKEN_FILE=str(file))
    assert settings.http_token is not None
    assert settings.http_token.get_secret_value() == SECRET
    assert SECRET not in repr(settings)
    for unusable in ("", "two words", "caf\u00e9"):
        file.write_text(unusable)
        (told,) = faults(monkeypatch)
        assert told.startswith("HTTP_TOKEN: must be one or more letters")
