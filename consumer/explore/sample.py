"""Reads the newest events of the topic, and the saved states, once; changes nothing."""

from collections.abc import Iterable
from contextlib import closing
from time import monotonic

from kafka import TopicPartition
from kafka.errors import KafkaError

from consumer.client import Consumer, connections, offsets, poll
from consumer.decode import Record
from consumer.settings import Settings

PATIENCE_SECONDS = 20.0
POLL_MS = 200


class ExploreError(Exception):
    """The topic cannot be read; the message says why."""


def sample(settings: Settings, count: int) -> list[Record]:
    """The newest events, about so many, of all partitions of the topic.

    Raises:
        ExploreError: Kafka does not answer, or there is no such topic.
    """
    return [record for _, record in _newest(settings, settings.events_topic, count)]


def saved(settings: Settings) -> list[tuple[int, Record]]:
    """All records of the changelog, each with its partition; none if there is no changelog.

    Raises:
        ExploreError: Kafka does not answer.
    """
    return list(_newest(settings, settings.changelog_topic, None, required=False))


def _newest(
    settings: Settings, topic: str, count: int | None, *, required: bool = True
) -> Iterable[tuple[int, Record]]:
    try:
        with closing(connections.admin(settings)) as admin:
            if topic not in admin.list_topics():
                if required:
                    raise ExploreError(f"there is no topic {topic}: EVENTS_TOPIC names it")
                return []
            (described,) = admin.describe_topics([topic])
        places = [TopicPartition(topic, it) for it in range(len(described["partitions"]))]
        with closing(connections.exploring_consumer(settings)) as consumer:
            return _read(consumer, places, count)
    except KafkaError as error:
        servers = ", ".join(settings.kafka_bootstrap_servers)
        raise ExploreError(f"Kafka at {servers} does not answer: {error!r}") from error


def _read(
    consumer: Consumer, places: list[TopicPartition], count: int | None
) -> list[tuple[int, Record]]:
    consumer.assign(places)
    first, ends = offsets.beginnings(consumer, places), offsets.ends(consumer, places)
    each = None if count is None else -(-count // len(places))
    left = {}
    for at in places:
        if at not in first or at not in ends:
            raise ExploreError(f"{at.topic}-{at.partition} has no leader: its events are not seen")
        start = first[at] if each is None else max(first[at], ends[at] - each)
        consumer.seek(at, start)
        if start < ends[at]:
            left[at] = ends[at]
    found: list[tuple[int, Record]] = []
    deadline = monotonic() + PATIENCE_SECONDS
    while left and monotonic() < deadline:
        for at, records in poll(consumer, POLL_MS).items():
            found += [(at.partition, record) for record in records]
        for at in [at for at in left if (offsets.position(consumer, at) or 0) >= left[at]]:
            del left[at]
    return found
