"""The environment's names, defaults and patterns stand in one place, and all parts have them."""

import re
from pathlib import Path

import pytest

from consumer.settings import Settings
from deploy import environment

ROOT = Path(__file__).parents[2]


def test_the_gateway_has_the_variables_as_they_are() -> None:
    text = environment.TARGET.read_text()
    assert text == environment.written(), "expected what `make environment` writes"


@pytest.mark.parametrize("name", environment.NAMES)
def test_the_gateway_writes_none_of_them_down_once_more(name: str) -> None:
    settings = (ROOT / "gateway/src/settings.ts").read_text()
    schema = environment.variable(Settings.model_json_schema()["properties"][name])
    assert f"SHARED.{name.upper()}" in settings
    defaults = [schema["default"]] if isinstance(schema.get("default"), str) else []
    for once in [*defaults, *schema.get("choices", ())]:
        assert f'"{once}"' not in settings.replace('=== "OAUTHBEARER"', "")
    assert schema.get("pattern", "^no pattern$") not in settings.replace("\\/", "/")


DEFAULTS = re.findall(r"\$\{([A-Z_]+):-([^}]+)\}", (ROOT / "deploy/acls.sh").read_text())
OURS = [(name, it) for name, it in DEFAULTS if name.lower() in Settings.model_fields]


@pytest.mark.parametrize(("name", "default"), OURS)
def test_the_script_for_permissions_has_the_same_defaults(name: str, default: str) -> None:
    assert default == Settings.model_fields[name.lower()].default


def test_the_script_for_permissions_has_a_default_for_each_name_of_kafka_s() -> None:
    named = {"EVENTS_TOPIC", "REQUESTS_TOPIC", "REPLIES_TOPIC", "DEAD_LETTER_TOPIC"}
    assert {name for name, _ in OURS} == named | {"APPLICATION_ID"}
