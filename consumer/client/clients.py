"""Opens all of the service's clients, or none."""

from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass

from kafka.errors import KafkaError

from consumer.client import connections, producers
from consumer.client.fast_path import client_path
from consumer.client.permissions import NotAllowedError, Permissions
from consumer.client.precedence import Precedence
from consumer.client.protocols import Consumer, Direct, Producer
from consumer.client.topics import settings as topic_settings
from consumer.client.topics.creation import (
    EventsTopic,
    count_brokers,
    ensure_changelog,
    ensure_topics,
    topic_id,
)
from consumer.client.topics.replication import Replication
from consumer.settings import Settings
from contract import topics

CLOSE_MS = 1000
TOPIC_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Clients:
    """One client for each topic read or written, and the identity of two of the topics."""

    log: EventsTopic
    requests_id: str
    events: Consumer
    requests: Consumer
    changelog: Consumer
    demand: Consumer
    dead_letters: Producer
    replies: Producer
    direct: Direct
    forwards: Producer
    snapshots: Producer


def open_clients(
    settings: Settings, precedence: Precedence, permissions: Permissions, stack: ExitStack
) -> Clients:
    """Create missing topics and open the clients; closing the stack closes what was opened.

    Raises:
        KafkaError: Kafka is not reachable.
        NotAllowedError: A permission is missing that the service cannot do without.
        TopicError: An existing topic has unusable settings.
    """

    def consumer(opened: Consumer) -> Consumer:
        stack.callback(opened.close, autocommit=False, timeout_ms=CLOSE_MS)
        return opened

    def producer(opened: Producer) -> Producer:
        stack.callback(opened.close, timeout=CLOSE_MS / 1000)
        return opened

    with closing(connections.admin(settings)) as admin:
        permissions.require(admin)
        brokers = count_brokers(admin)
        replication = Replication.of(settings, brokers)
        ensure_topics(admin, settings.topics, replication)
        requests_id = topic_id(admin, settings.requests_topic)
        events = ensure_changelog(
            admin, settings.changelog_topic, settings.events_topic, replication
        )
        with suppress(NotAllowedError):  # the watch tells of it: answers that wait come later
            ensure_topics(admin, [topics.demand(settings.demand_topic)], replication)
        findings = topic_settings.look(admin, settings, brokers)
    forwards = producer(producers.forwards_producer(settings))
    dead_letters = producer(producers.dead_letters_producer(settings))
    snapshots = producer(producers.snapshots_producer(settings))
    # Our producers do not wait for a topic's metadata in `send`: see max_block_ms.
    producers.introduce(forwards, settings.events_topic, TOPIC_SECONDS)
    producers.introduce(snapshots, settings.changelog_topic, TOPIC_SECONDS)
    with suppress(KafkaError):
        producers.introduce(snapshots, settings.demand_topic, TOPIC_SECONDS)
    with suppress(KafkaError):  # not fatal: dead letters wait for their topic
        producers.introduce(dead_letters, settings.dead_letter_topic, TOPIC_SECONDS)
        if settings.predictions_topic is not None:  # they wait for theirs, too
            producers.introduce(dead_letters, settings.predictions_topic, TOPIC_SECONDS)
    requests = connections.know(
        consumer(connections.requests_consumer(settings, precedence)), settings.requests_topic
    )
    direct = client_path(settings).direct(requests, settings)
    stack.callback(direct.close)
    topic_settings.warn(findings)
    return Clients(
        log=events,
        requests_id=requests_id,
        events=connections.know(
            consumer(connections.events_consumer(settings)), settings.events_topic
        ),
        requests=requests,
        changelog=consumer(connections.changelog_consumer(settings)),
        demand=consumer(connections.demand_consumer(settings)),
        dead_letters=dead_letters,
        replies=producer(producers.replies_producer(settings)),
        direct=direct,
        forwards=forwards,
        snapshots=snapshots,
    )


def cover(settings: Settings) -> int:
    """Give the changelog as many partitions as the events topic has; returns how many."""
    with closing(connections.admin(settings)) as admin:
        events = ensure_changelog(
            admin,
            settings.changelog_topic,
            settings.events_topic,
            Replication.of(settings, count_brokers(admin)),
        )
    return events.partitions
