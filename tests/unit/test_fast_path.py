"""FAST_PATH chooses, once, between short cuts and kafka-python's public API."""

import math
import selectors
from typing import cast

import pytest

from consumer.client import Consumer, Precedence, client_path, connections
from consumer.client.fast_path import FastPath, PublicPath
from consumer.client.internals.direct_producer import DirectProducer
from consumer.client.poll import Take, serve
from consumer.decode.dialects import Message
from consumer.settings import Settings
from contract.environment import SettingsError
from contract.internals.connections import NetClient

NO_CONSUMER = cast("Consumer", None)


@pytest.mark.parametrize(
    ("value", "kind"),
    [(None, FastPath), ("on", FastPath), ("off", PublicPath), ("false", PublicPath)],
)
def test_the_setting_chooses_the_path(
    monkeypatch: pytest.MonkeyPatch, value: str | None, kind: type
) -> None:
    monkeypatch.delenv("FAST_PATH", raising=False)
    if value is not None:
        monkeypatch.setenv("FAST_PATH", value)
    assert type(client_path(Settings.read())) is kind


def test_any_other_value_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAST_PATH", "fast")
    with pytest.raises(SettingsError, match="FAST_PATH"):
        Settings.read()


def test_the_public_path_takes_nothing_and_refuses_every_reply() -> None:
    path = PublicPath()

    def take(_: object) -> None:
        raise AssertionError

    def arrived(*, delivered: bool) -> None:
        raise AssertionError(delivered)

    assert not serve(path, NO_CONSUMER, cast("Take", take), 60_000, lambda: math.inf)
    direct = path.direct(NO_CONSUMER, Settings())
    assert not isinstance(direct, DirectProducer)
    assert not direct.send("replies", 0, Message(None, b"", []), arrived)
    direct.flush()
    direct.close()


@pytest.mark.parametrize("fast", [True, False])
def test_what_corrects_faults_is_on_both_paths(
    monkeypatch: pytest.MonkeyPatch, *, fast: bool
) -> None:
    """Its sockets and selector are kafka-python's own without the fast path, its guards are not."""
    options: dict[str, object] = {}

    def opened(_kind: object, **given: object) -> object:
        options.update(given)
        raise ZeroDivisionError

    monkeypatch.setattr(connections, "connect", opened)
    with pytest.raises(ZeroDivisionError):
        connections.requests_consumer(Settings(fast_path=fast), Precedence())
    assert issubclass(cast("type", options["kafka_client"]), NetClient)
    assert (options["kafka_client"] is NetClient) != fast
    assert ("selector" in options) == fast
    if fast:
        selector = cast("type[selectors.BaseSelector]", options["selector"])()
        assert isinstance(selector, selectors.DefaultSelector)
        selector.close()
