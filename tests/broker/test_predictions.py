"""PREDICTIONS_TOPIC: a prediction for each event without a target, and none is lost by a crash."""

from contextlib import closing
from typing import Any

import orjson
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from contract.environment import Environment
from producer import PredictionClient
from producer.send import send_events
from producer.simulate import simulate
from support.waiting import wait_until

from .conftest import Start

LEARNED, PREDICTED = 200, 60


def read(settings: Environment, topic: str) -> list[tuple[bytes | None, dict[str, Any]]]:
    """Key and value of all that is there."""
    with closing(
        KafkaConsumer(bootstrap_servers=settings.kafka_bootstrap_servers, group_id=None)
    ) as consumer:
        places = [TopicPartition(topic, it) for it in consumer.partitions_for_topic(topic)]
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        ends = consumer.end_offsets(places)
        found = []
        while any(consumer.position(at) < ends[at] for at in places):
            for records in consumer.poll(timeout_ms=200).values():
                found += [(it.key, orjson.loads(it.value)) for it in records]
    return found


def send_unlabelled(settings: Environment, begin: int, count: int) -> set[tuple[int, int]]:
    """Send events without a target; where they are: partition and offset."""
    with closing(KafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)) as producer:
        sent = [
            producer.send(
                settings.events_topic,
                orjson.dumps({"tv": tv, "radio": 1, "newspaper": 2, "messageId": f"m-{tv}"}),
                key=b"%d" % tv,
            )
            for tv in range(begin, begin + count)
        ]
        places = [future.get(30) for future in sent]
    return {(place.partition, place.offset) for place in places}


def test_each_event_without_a_target_is_predicted_as_a_question_would_be(
    settings: Environment, start: Start
) -> None:
    topic = f"{settings.events_topic}.predictions"
    service = start(PREDICTIONS_TOPIC=topic)
    sent = send_events(settings, simulate(LEARNED, 1), LEARNED).positions
    with PredictionClient(settings, timeout=30) as client:
        asked = client.predict(tv=7, after=sent)["prediction"]
        places = send_unlabelled(settings, 0, PREDICTED)
        wait_until(lambda: len(read(settings, topic)) >= PREDICTED)
    found = read(settings, topic)
    assert {(it["source"]["partition"], it["source"]["offset"]) for _, it in found} == places
    assert len(found) == PREDICTED
    (seven,) = [it for key, it in found if key == b"7"]
    assert (seven["id"], seven["source"]["topic"]) == ("m-7", settings.events_topic)
    assert seven["prediction"] == pytest.approx(asked)
    assert sum(seven["positions"].values()) >= LEARNED
    assert service.metric('riverline_predictions_total{outcome="predicted"}') == PREDICTED
    assert service.stop() == 0


@pytest.mark.slow(seconds=15)
def test_a_kill_loses_none_and_a_repeat_names_the_same_event(
    settings: Environment, start: Start
) -> None:
    topic = f"{settings.events_topic}.predictions"
    service = start(PREDICTIONS_TOPIC=topic)
    send_events(settings, simulate(LEARNED, 1), LEARNED)
    places: set[tuple[int, int]] = set()
    for turn in range(3):
        places |= send_unlabelled(settings, 100 * turn, PREDICTED)
        wait_until(lambda: len(read(settings, topic)) > 0)
        service.process.kill()
        service = start(PREDICTIONS_TOPIC=topic)

    def predicted() -> dict[tuple[int, int], set[str]]:
        names: dict[tuple[int, int], set[str]] = {}
        for _, it in read(settings, topic):
            place = it["source"]["partition"], it["source"]["offset"]
            names.setdefault(place, set()).add(it["id"])
        return names

    wait_until(lambda: predicted().keys() == places)
    assert all(len(names) == 1 for names in predicted().values())
