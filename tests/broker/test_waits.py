"""What cannot be delivered waits within its bounds, and holds up nobody (a real broker)."""

import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from math import cos, pi, sin
from pathlib import Path
from typing import Any

import orjson
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaTimeoutError
from kafka.structs import OffsetAndMetadata

from consumer.client import producers
from consumer.settings import Settings
from contract.environment import Environment
from producer import PredictionClient
from support.service import LEARNED, Service
from support.waiting import wait_until

from .conftest import Start

MEBIBYTE = 1024 * 1024
REFUSED = 'riverline_events_total{outcome="refused"}'


@pytest.fixture
def admin(kafka: str) -> Iterator[KafkaAdminClient]:
    with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
        yield admin


def events(count: int) -> list[bytes]:
    """Some that fit a line, with a little noise; their numbers have all the digits there are."""
    rows = [
        {
            "tv": n * pi,
            "radio": sin(n),
            "newspaper": cos(n),
            "sales": 7 + 0.05 * n * pi + sin(2 * n),
        }
        for n in range(count)
    ]
    return [orjson.dumps(row) for row in rows]


def produce(settings: Environment, topic: str, values: list[bytes], **options: Any) -> None:  # noqa: ANN401
    servers = list(settings.kafka_bootstrap_servers)
    with closing(KafkaProducer(bootstrap_servers=servers, linger_ms=5)) as producer:
        futures = [producer.send(topic, value=value, **options) for value in values]
        for future in futures:
            future.get(timeout=30)


def seconds(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def has_learned(service: Service, count: int) -> bool:
    return service.metric(LEARNED) == count


def resident(service: Service) -> int:
    """Bytes of memory."""
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


# Producers.


def test_to_send_to_a_topic_that_is_not_there_never_blocks(names: dict[str, str]) -> None:
    assert names
    with closing(producers.producer(Settings(), role="test")) as producer:

        def send() -> None:
            with pytest.raises(KafkaTimeoutError):
                producer.send(f"nowhere-{uuid.uuid4().hex}", value=b"1")

        assert max(seconds(send) for _ in range(10)) < 0.5


def test_the_producer_of_replies_asks_for_no_topic_that_was_deleted(
    names: dict[str, str], admin: KafkaAdminClient
) -> None:
    topic = f"{names['REPLIES_TOPIC']}-of-a-guest"
    admin.create_topics({topic: {"num_partitions": 1}})
    with closing(producers.replies_producer(Settings())) as producer:
        producers.introduce(producer, topic, 30)
        producer.send(topic, value=b"1").get(timeout=30)
        admin.delete_topics([topic])
        known: Any = getattr(producer, "_metadata")  # noqa: B009

        def forgotten() -> bool:
            known.request_update()  # as every few minutes
            return topic not in known._topics

        wait_until(forgotten)
        with pytest.raises(KafkaTimeoutError):
            producer.send(topic, value=b"1")
        wait_until(forgotten)


# Replies.


@pytest.mark.slow(seconds=60)
def test_ten_thousand_large_replies_to_nowhere_take_bounded_memory(
    start: Start, settings: Environment
) -> None:
    """The figures are printed: resident memory before, at the peak and after, in MiB."""
    service = start()
    buffer_bytes = Settings().replies_buffer_bytes
    produce(settings, settings.events_topic, events(4000))
    wait_until(lambda: service.metric(LEARNED) == 4000)
    with PredictionClient(settings, timeout=60) as asker:
        assert len(orjson.dumps(asker.ask("describe", {"recent": 500}))) > 35_000
        before = peak = resident(service)
        question = b'{"method": "describe", "params": {"recent": 500}}'
        headers = [("correlation_id", b"1"), ("reply_to", b"prediction-reply-nowhere")]
        produce(settings, settings.requests_topic, [question] * 10_000, headers=headers)
        refused = 'riverline_requests_total{method="describe",outcome="refused"}'
        deadline = time.monotonic() + 120
        while service.metric(refused) < 10_000:
            assert time.monotonic() < deadline
            peak = max(peak, resident(service))
            asker.predict(tv=50)  # whoever has an address gets an answer
        after = resident(service)
    told = {"before": before, "peak": peak, "after": after}
    print({name: round(size / MEBIBYTE, 1) for name, size in told.items()})  # noqa: T201
    assert peak - before < 2.5 * buffer_bytes + 32 * MEBIBYTE
    answered = 'riverline_requests_total{method="describe",outcome="answered"}'
    assert service.metric(refused) == 10_000
    wait_until(lambda: service.metric(answered) == 1)


# Dead letters.


def letters(settings: Environment, topic: str) -> Counter[bytes]:
    """The keys of the dead letters that are there now."""
    servers = list(settings.kafka_bootstrap_servers)
    found: Counter[bytes] = Counter()
    with closing(KafkaConsumer(bootstrap_servers=servers, group_id=None)) as reader:
        places = [TopicPartition(topic, p) for p in reader.partitions_for_topic(topic) or ()]
        reader.assign(places)
        reader.seek_to_beginning()
        ends = reader.end_offsets(places)
        while any(reader.position(at) < end for at, end in ends.items()):
            for records in reader.poll(timeout_ms=500).values():
                found.update(record.key for record in records)
    return found


@pytest.mark.slow
def test_while_the_dead_letter_topic_is_gone_letters_wait_and_all_else_goes_on(
    start: Start, settings: Environment, names: dict[str, str], admin: KafkaAdminClient
) -> None:
    service = start()
    topic = names["DEAD_LETTER_TOPIC"]
    produce(settings, settings.events_topic, [b"refused"], partition=0)
    wait_until(lambda: letters(settings, topic).total() == 1)
    admin.delete_topics([topic])
    with PredictionClient(settings) as asker:
        for round_ in (1, 2):
            produce(settings, settings.events_topic, [b"refused"] * 100, partition=0)
            produce(settings, settings.events_topic, events(40), partition=1)
            wait_until(partial(has_learned, service, 40 * round_), 20)
            assert seconds(lambda: asker.predict(tv=50)) < 3
    wait_until(lambda: service.metric(REFUSED) == 201, 20)
    wait_until(lambda: not service.ready, 20)
    assert service.status("/livez") == 200
    admin.create_topics({topic: {"num_partitions": 4}})
    due = {f"{settings.events_topic}-0-{offset}".encode() for offset in range(1, 201)}
    wait_until(lambda: due <= letters(settings, topic).keys())
    wait_until(lambda: service.ready)
    assert "Traceback" not in service.log.read_text()


@pytest.mark.slow(seconds=100)
def test_a_dead_letter_topic_that_is_gone_for_long_trips_no_watchdog(
    start: Start, settings: Environment, names: dict[str, str], admin: KafkaAdminClient
) -> None:
    """Longer than a loop may be silent, with more refused events than may wait."""
    service = start(DEAD_LETTERS_BUFFER_BYTES=str(MEBIBYTE))
    topic = names["DEAD_LETTER_TOPIC"]
    produce(settings, settings.events_topic, events(100), partition=1)
    wait_until(lambda: service.metric(LEARNED) == 100)
    admin.delete_topics([topic])
    produce(settings, settings.events_topic, [b"x" * 2000] * 2000, partition=0)
    over = time.monotonic() + 90
    with PredictionClient(settings) as asker:
        while time.monotonic() < over:
            assert seconds(lambda: asker.predict(tv=50)) < 3
            assert service.status("/livez") == 200
            assert service.process.poll() is None
            time.sleep(1)  # a pace, not a wait
    assert 0 < service.metric(REFUSED) < 2000  # it stopped to read
    admin.create_topics({topic: {"num_partitions": 2}})
    due = {f"{settings.events_topic}-0-{offset}".encode() for offset in range(2000)}
    wait_until(lambda: due == letters(settings, topic).keys(), 120)
    wait_until(lambda: service.ready)


# Events sent as requests.


@pytest.mark.slow
def test_growth_of_the_events_topic_has_no_forwarded_request_learned_twice(
    start: Start, settings: Environment, names: dict[str, str], admin: KafkaAdminClient
) -> None:
    """A request of partition 3 is sent on again, as after a crash, after 2 partitions became 3."""
    admin.create_topics({settings.events_topic: {"num_partitions": 2}})
    service = start()
    headers = [("correlation_id", b"1"), ("reply_to", settings.replies_topic.encode())]
    taught = orjson.dumps({"method": "learn", "params": orjson.loads(events(1)[0])})
    produce(settings, settings.requests_topic, [taught], partition=3, headers=headers)
    wait_until(lambda: service.metric(LEARNED) == 1)
    assert service.stop() == 0
    begin = {TopicPartition(settings.requests_topic, 3): OffsetAndMetadata(0, "", -1)}
    admin.alter_group_offsets(f"{names['APPLICATION_ID']}-responder", begin)
    admin.create_partitions({settings.events_topic: 3})
    again = start()
    learned = 'riverline_requests_total{method="learn",outcome="answered"}'
    wait_until(lambda: again.metric(learned) == 1)
    with PredictionClient(settings) as asker:
        taught_events = asker.ask("learn", orjson.loads(events(2)[1]))["events"]
    assert taught_events == 2
