"""Dead letters are shown, mended, and sent again: each once, whatever dies on the way."""

import json
import subprocess
import sys
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from contract.environment import Environment
from contract.messages import REPLAY_OF, REPLAYED
from support.service import LEARNED, Service
from support.waiting import wait_until

REFUSED = 'riverline_events_total{outcome="refused"}'
BAD = [b'{"tv": "50", "radio": 1, "newspaper": 2, "sales": 9.4}', b"no JSON"]


def producer(*arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "producer", "dead-letters", *arguments]
    return subprocess.run(command, input=said, capture_output=True, text=True, check=False)


def waiting() -> list[dict[str, Any]]:
    """The letters that wait, as the command prints them."""
    done = producer("--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def mended(letters: list[dict[str, Any]], reason: str = "not-a-number") -> str:
    """The lines of the letters with this reason, their tv a number."""
    some = [it for it in letters if it["reason"] == reason]
    return "\n".join(json.dumps(it | {"value": {**it["value"], "tv": 50}}) for it in some)


@pytest.fixture
def letters(service: Service, settings: Environment) -> list[dict[str, Any]]:
    """Two refused events: one that can be mended, one that is no JSON."""
    client = KafkaProducer(bootstrap_servers=list(settings.kafka_bootstrap_servers))
    for value in BAD:
        sent = client.send(settings.events_topic, value, key=b"k", headers=[("ce_type", b"sent")])
        sent.get(timeout=30)
    client.close()
    wait_until(lambda: service.metric(REFUSED) == len(BAD))
    wait_until(lambda: len(waiting()) == len(BAD))
    return waiting()


def test_a_mended_letter_is_learned_once_however_often_it_is_sent_again(
    letters: list[dict[str, Any]], service: Service, settings: Environment
) -> None:
    assert {it["reason"] for it in letters} == {"not-a-number", "bad-json"}
    lines = mended(letters)
    for told in ("1 sent again", "0 sent again; 1 were before", "0 sent again; 1 were before"):
        done = producer("--replay", "-", said=lines)
        assert (done.returncode, done.stderr.strip()) == (0, told)
    wait_until(lambda: service.metric(LEARNED) == 1)
    assert [it["reason"] for it in waiting()] == ["bad-json"]
    wait_until(lambda: service.metric("riverline_events_behind") == 0)
    assert service.metric(LEARNED) == 1
    (place,) = [it["dead_letter"] for it in letters if it["reason"] == "not-a-number"]
    *_, record = records(settings, settings.events_topic)
    assert record.key == b"k"
    assert record.headers == [("ce_type", b"sent"), (REPLAY_OF, place.encode())]


@pytest.mark.slow
def test_what_a_run_that_died_had_sent_does_not_count(
    letters: list[dict[str, Any]], service: Service, settings: Environment
) -> None:
    (place,) = [it["dead_letter"] for it in letters if it["reason"] == "not-a-number"]
    died = KafkaProducer(
        bootstrap_servers=list(settings.kafka_bootstrap_servers),
        transactional_id=f"{settings.dead_letter_topic}-replay",
    )
    died.init_transactions()
    died.begin_transaction()
    died.send(settings.events_topic, b'{"tv": 1, "radio": 1, "newspaper": 1, "sales": 1}')
    died.send(settings.dead_letter_topic, None, key=place.encode(), headers=[(REPLAYED, b"1")])
    died.flush()
    assert producer("--replay", "-", said=mended(letters)).stderr.strip() == "1 sent again"
    died.close(timeout=0)
    wait_until(lambda: service.metric(LEARNED) == 1)
    wait_until(lambda: service.metric("riverline_events_behind") == 0)
    assert service.metric(LEARNED) == 1


def test_nothing_is_sent_unless_every_line_can_be(
    letters: list[dict[str, Any]], service: Service
) -> None:
    unknown = json.dumps({"dead_letter": "mobile-events-9-99", "value": {}})
    done = producer("--replay", "-", said=f"{mended(letters)}\n{unknown}")
    assert done.returncode == 2
    assert done.stderr.strip() == "line 2: there is no dead letter mobile-events-9-99"
    unmended = "\n".join(map(json.dumps, letters))
    done = producer("--replay", "-", said=unmended)
    assert done.returncode == 2
    assert "expected an object as value: mend it first" in done.stderr
    assert len(waiting()) == len(BAD)
    assert service.metric(LEARNED) == 0


def test_without_the_topic_it_says_what_to_do(settings: Environment) -> None:
    done = producer()
    assert done.returncode == 1
    assert f"topic {settings.dead_letter_topic} is missing: start the consumer" in done.stderr


def records(settings: Environment, topic: str) -> list[Any]:
    """The records of a topic that are there now."""
    reader = KafkaConsumer(
        bootstrap_servers=list(settings.kafka_bootstrap_servers),
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    places = [TopicPartition(topic, it) for it in reader.partitions_for_topic(topic)]
    reader.assign(places)
    ends = reader.end_offsets(places)
    found: list[Any] = []

    def is_read() -> bool:
        for some in reader.poll(timeout_ms=200).values():
            found.extend(some)
        return all(reader.position(at) >= ends[at] for at in places)

    wait_until(is_read)
    reader.close()
    return found
