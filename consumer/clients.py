"""The service's connections to Kafka: all are opened, or none."""

from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass

from kafka.errors import KafkaError

from consumer import client, kept, producers
from consumer.lane import Lane
from consumer.permissions import Permissions
from consumer.precedence import Precedence
from consumer.settings import Settings
from consumer.topics import (
    EventsTopic,
    count_brokers,
    ensure_changelog,
    ensure_topics,
    topic_id,
)

CLOSE_MS = 1000
TOPIC_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Clients:
    """One client for each way in and out, and which topics they are of."""

    log: EventsTopic
    requests_id: str
    events: client.Consumer
    requests: client.Consumer
    changelog: client.Consumer
    dead_letters: producers.Producer
    replies: producers.Producer
    lane: Lane
    forwards: producers.Producer
    snapshots: producers.Producer


def open_clients(
    settings: Settings, precedence: Precedence, permissions: Permissions, stack: ExitStack
) -> Clients:
    """Make the topics and open the clients; whatever was opened is closed when the stack is.

    Raises:
        KafkaError: Kafka is not there.
        NotAllowedError: Kafka does not let us do what we must.
        TopicError: A topic does not fit.
    """

    def consumer(opened: client.Consumer) -> client.Consumer:
        stack.callback(opened.close, autocommit=False, timeout_ms=CLOSE_MS)
        return opened

    def producer(opened: producers.Producer) -> producers.Producer:
        stack.callback(opened.close, timeout=CLOSE_MS / 1000)
        return opened

    with closing(client.admin(settings)) as admin:
        permissions.require(admin)
        brokers = count_brokers(admin)
        replication = settings.replication(brokers)
        ensure_topics(admin, settings.topics, replication)
        requests_id = topic_id(admin, settings.requests_topic)
        events = ensure_changelog(
            admin, settings.changelog_topic, settings.events_topic, replication
        )
        findings = kept.look(admin, settings, brokers)
    forwards = producer(producers.forwards_producer(settings))
    dead_letters = producer(producers.dead_letters_producer(settings))
    snapshots = producer(producers.snapshots_producer(settings))
    # A producer does not wait for a topic's metadata when it sends.
    producers.introduce(forwards, settings.events_topic, TOPIC_SECONDS)
    producers.introduce(snapshots, settings.changelog_topic, TOPIC_SECONDS)
    with suppress(KafkaError):  # dead letters wait
        producers.introduce(dead_letters, settings.dead_letter_topic, TOPIC_SECONDS)
    requests = client.know(
        consumer(client.requests_consumer(settings, precedence)), settings.requests_topic
    )
    lane = Lane(requests, settings)
    stack.callback(lane.close)
    kept.warn(findings)
    return Clients(
        log=events,
        requests_id=requests_id,
        events=client.know(consumer(client.events_consumer(settings)), settings.events_topic),
        requests=requests,
        changelog=consumer(client.changelog_consumer(settings)),
        dead_letters=dead_letters,
        replies=producer(producers.replies_producer(settings)),
        lane=lane,
        forwards=forwards,
        snapshots=snapshots,
    )


def cover(settings: Settings) -> int:
    """Make the changelog as wide as the events topic; how wide that is."""
    with closing(client.admin(settings)) as admin:
        events = ensure_changelog(
            admin,
            settings.changelog_topic,
            settings.events_topic,
            settings.replication(count_brokers(admin)),
        )
    return events.partitions
