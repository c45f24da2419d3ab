"""The service's connections to Kafka: all are opened, or none."""

from contextlib import ExitStack, closing
from dataclasses import dataclass

from consumer import client, kept
from consumer.lane import Lane
from consumer.precedence import Precedence
from consumer.settings import Settings
from consumer.topics import EventsTopic, ensure_changelog, ensure_topics, topic_id
from contract.topics import MAX_SNAPSHOT_BYTES

CLOSE_MS = 1000


@dataclass(frozen=True, slots=True)
class Clients:
    """One client for each way in and out, and which topics they are of."""

    log: EventsTopic
    requests_id: str
    events: client.Consumer
    requests: client.Consumer
    changelog: client.Consumer
    dead_letters: client.Producer
    replies: client.Producer
    lane: Lane
    forwards: client.Producer
    snapshots: client.Producer


def open_clients(settings: Settings, precedence: Precedence, stack: ExitStack) -> Clients:
    """Make the topics and open the clients; whatever was opened is closed when the stack is.

    Raises:
        KafkaError: Kafka is not there.
        TopicError: A topic is missing and may not be created, or does not fit.
    """

    def consumer(opened: client.Consumer) -> client.Consumer:
        stack.callback(opened.close, autocommit=False, timeout_ms=CLOSE_MS)
        return opened

    def producer(role: str, **options: object) -> client.Producer:
        opened = client.producer(settings, role=role, **options)
        stack.callback(opened.close, timeout=CLOSE_MS / 1000)
        return opened

    with closing(client.admin(settings)) as admin:
        ensure_topics(admin, settings.topics)
        requests_id = topic_id(admin, settings.requests_topic)
        events = ensure_changelog(admin, settings.changelog_topic, settings.events_topic)
        findings = kept.look(admin, settings)
    forwards = producer("forwards", max_in_flight_requests_per_connection=1)
    forwards.partitions_for(settings.events_topic)  # or its first event waits to hear of the topic
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
        dead_letters=producer("dead-letters"),
        replies=producer("replies"),
        lane=lane,
        forwards=forwards,
        # It must hear soon of a partition that the changelog was grown by.
        snapshots=producer(
            "snapshots", max_request_size=MAX_SNAPSHOT_BYTES, metadata_max_age_ms=5000
        ),
    )


def cover(settings: Settings) -> int:
    """Make the changelog as wide as the events topic; how wide that is."""
    with closing(client.admin(settings)) as admin:
        events = ensure_changelog(admin, settings.changelog_topic, settings.events_topic)
    return events.partitions
