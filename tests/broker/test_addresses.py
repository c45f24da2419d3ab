"""Where replies go, whatever a request's headers say."""

import uuid

import orjson
import pytest
from kafka import KafkaAdminClient

from contract.environment import Environment
from producer import PredictionClient, PredictionError
from support.service import LEARNED, Service
from support.waiting import wait_until

from .records import ask_raw, read_all


def test_a_request_with_an_id_alone_is_answered_on_the_default_topic(
    service: Service, settings: Environment
) -> None:
    assert service.ready
    ask_raw(settings, b"not json", correlation_id=b"\x00\xff")
    (reply,) = read_all(settings, settings.replies_topic, 1)
    assert orjson.loads(reply.value)["error"]["code"] == "bad-json"
    assert reply.key == b"mine"
    assert dict(reply.headers) == {
        "correlation_id": b"\x00\xff",
        "content-type": b"application/json",
    }


def test_a_reply_topic_of_the_services_own_is_never_written_to(
    service: Service, settings: Environment
) -> None:
    own = settings.events_topic.encode()
    ask_raw(settings, b'{"tv": 1}', correlation_id=b"a", reply_to=own)
    (reply,) = read_all(settings, settings.replies_topic, 1)
    assert orjson.loads(reply.value)["error"]["code"] == "bad-reply-address"
    refused = 'riverline_requests_total{method="unknown",outcome="refused"}'
    wait_until(lambda: service.metric(refused) == 1)
    assert service.metric(LEARNED) == 0


def test_a_reply_topic_that_is_made_a_moment_later_is_waited_for(
    service: Service, settings: Environment
) -> None:
    later = f"f-reply-{uuid.uuid4().hex}"
    ask_raw(settings, b"{}", correlation_id=b"a", reply_to=later.encode())
    with PredictionClient(settings) as client, pytest.raises(PredictionError):
        client.predict(tv=1)  # nobody else is held up
    admin = KafkaAdminClient(bootstrap_servers=list(settings.kafka_bootstrap_servers))
    admin.create_topics({later: {"num_partitions": 1}})
    admin.close()
    (reply,) = read_all(settings, later, 1)
    assert "error" in orjson.loads(reply.value)
    assert service.ready


def test_a_reply_topic_that_never_comes_is_told_on_the_default_topic(
    service: Service, settings: Environment
) -> None:
    ask_raw(settings, b"{}", correlation_id=b"a", reply_to=b"prediction-reply-nowhere")
    (reply,) = read_all(settings, settings.replies_topic, 1)
    assert orjson.loads(reply.value)["error"]["code"] == "bad-reply-address"
    assert service.ready


def test_a_request_past_its_deadline_is_counted_and_told_our_clock(
    service: Service, settings: Environment
) -> None:
    ask_raw(settings, b'{"tv": 1}', correlation_id=b"late", deadline=b"1000")
    ask_raw(settings, b'{"tv": 1}', correlation_id=b"in-time", deadline=b"9999999999999")
    replies = read_all(settings, settings.replies_topic, 2)
    by_id = {dict(reply.headers)["correlation_id"]: orjson.loads(reply.value) for reply in replies}
    assert by_id[b"in-time"]["error"]["code"] == "too-few-events"
    assert by_id[b"late"]["error"]["code"] == "expired"
    assert "compare clocks: this service's says 20" in by_id[b"late"]["error"]["message"]
    wait_until(
        lambda: service.metric('riverline_requests_total{method="predict",outcome="expired"}') == 1
    )
