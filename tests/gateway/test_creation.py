"""On a broker that creates topics for whoever asks about them the gateway creates none."""

from contextlib import closing, suppress
from http.client import HTTPException

import pytest
from kafka import KafkaAdminClient

from broker import EmbeddedKafka
from support.gateway import EVENT, Gateway, running_gateway
from support.service import own_names
from support.waiting import wait_until


@pytest.mark.slow
def test_a_gateway_before_the_consumer_creates_nothing() -> None:
    with (
        EmbeddedKafka(properties={"auto.create.topics.enable": "true"}) as kafka,
        running_gateway(own_names(kafka.bootstrap_servers), wait=False) as gateway,
    ):
        wait_until(lambda: _listens(gateway) or gateway.process.poll() is not None)
        told = gateway.get("/healthz")
        assert (told.status, told.code) == (503, "kafka-away")
        wait_until(lambda: "there is no topic" in gateway.log.read_text())
        assert "topic" not in gateway.get("/healthz").text  # callers need no names
        assert gateway.post("/v1/ia/events", [EVENT]).status == 503
        assert gateway.post("/v1/ia/predict", {"tv": 1}).status == 503
        with closing(KafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)) as admin:
            assert [name for name in admin.list_topics() if not name.startswith("__")] == []


def _listens(gateway: Gateway) -> bool:
    with suppress(OSError, HTTPException):
        return gateway.get("/healthz").status > 0
    return False
