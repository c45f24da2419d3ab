"""Topics: created where missing, checked where present."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any

import structlog
from kafka.errors import (
    AuthorizationError,
    TopicAlreadyExistsError,
    for_code,
)

from consumer.client.permissions import NotAllowedError
from consumer.client.protocols import Admin
from consumer.client.topics.replication import Replication
from consumer.client.topics.settings import read_configs
from contract import topics
from contract.topics import Topic

VISIBLE_SECONDS = 3.0

log = structlog.get_logger()


class TopicError(Exception):
    """An existing topic is not usable; the message says which and what to do."""


def count_brokers(admin: Admin) -> int:
    """The number of brokers that are in service.

    Raises:
        KafkaError: Kafka is not reachable.
    """
    brokers = admin.describe_cluster()["brokers"]
    return sum(not broker["is_fenced"] for broker in brokers)


def ensure_topics(admin: Admin, wanted: Sequence[Topic], replication: Replication) -> None:
    """Create the topics that are missing.

    Args:
        admin: The admin client.
        wanted: The topics.
        replication: The replicas of those that are created.

    Raises:
        NotAllowedError: A topic is missing, and we may not create it.
        KafkaError: Kafka is not reachable.
    """
    present = set(admin.list_topics())
    for topic in wanted:
        if topic.name not in present:
            _create(admin, topic, replication)


@dataclass(frozen=True, slots=True)
class EventsTopic:
    """The events topic as it was found.

    Attributes:
        topic_id: Its id, which a recreated topic does not share.
        partitions: Its partition count, and its changelog's.
    """

    topic_id: str
    partitions: int


def topic_id(admin: Admin, topic: str) -> str:
    """The topic's id.

    Raises:
        KafkaError: Kafka is not reachable, or does not show the topic (yet).
    """
    (found,) = admin.describe_topics([topic])
    return str(_shown(found)["topic_id"])


def ensure_changelog(
    admin: Admin, name: str, events_topic: str, replication: Replication
) -> EventsTopic:
    """Create the changelog, or give it as many partitions as the events topic has.

    An existing changelog keeps its replicas.

    Raises:
        TopicError: It has more partitions than the events topic, or is not compacted.
        NotAllowedError: We may not create it or add partitions.
        KafkaError: Kafka is not reachable, or does not show the events topic (yet).
    """
    found = {topic["name"]: topic for topic in admin.describe_topics([events_topic, name])}
    wide, there = len(_shown(found[events_topic])["partitions"]), len(found[name]["partitions"])
    events = EventsTopic(str(found[events_topic]["topic_id"]), wide)
    if there == 0:
        _create(admin, topics.changelog(name, wide), replication)
        return events
    if there < wide:
        log.warning("the events topic has grown", topic=events_topic, partitions=wide, was=there)
        _widen(admin, name, wide)
    elif there > wide:
        raise TopicError(
            f"topic {events_topic} has {wide} partitions and its changelog {name} has {there}: the "
            "topic was recreated with fewer. Choose a new APPLICATION_ID, which relearns from it"
        )
    _must_be_compacted(admin, name)
    return events


def _shown(topic: dict[str, Any]) -> dict[str, Any]:
    """Check that a topic's description is one of an existing topic, and return it.

    Raises:
        KafkaError: It is not: the topic was created a moment ago, or was just deleted.
    """
    if topic["error_code"]:
        raise for_code(topic["error_code"])(topic["name"])
    return topic


def _must_be_compacted(admin: Admin, name: str) -> None:
    deadline = monotonic() + VISIBLE_SECONDS
    while True:
        config = read_configs(admin, [name]).get(name)
        if config is None:
            return  # we may not see its settings, so we cannot check them
        policy = config["cleanup.policy"]
        if policy == "compact":
            return
        if monotonic() > deadline:
            raise TopicError(
                f"topic {name} must have cleanup.policy=compact, and has {policy}: Kafka would "
                "delete saved states by age. Set it, or choose a new APPLICATION_ID, which relearns"
            )
        sleep(0.1)  # another instance has just created it, and its settings are not visible yet


def _widen(admin: Admin, name: str, partitions: int) -> None:
    try:
        admin.create_partitions({name: partitions})
    except AuthorizationError as error:
        raise NotAllowedError(
            f"Kafka does not allow us ALTER on topic {name}, and the events topic has grown: allow "
            f"it, or give {name} {partitions} partitions"
        ) from error


def _create(admin: Admin, topic: Topic, replication: Replication) -> None:
    config = {**topic.config, **replication.config}
    options = {
        "num_partitions": topic.partition_count,
        "replication_factor": replication.factor,
        "configs": config,
    }
    try:
        admin.create_topics({topic.name: options})
    except TopicAlreadyExistsError:
        return  # by another instance, at the same time
    except AuthorizationError as error:
        raise NotAllowedError(
            f"Kafka does not allow us CREATE on topic {topic.name}, which is not there: allow "
            f"it, or create it with {topic.partition_count} partitions, "
            f"{replication.factor} replicas and {config}"
        ) from error
    log.info(
        "topic created",
        topic=topic.name,
        partitions=topic.partition_count,
        replicas=replication.factor,
        min_insync=replication.min_insync,
    )
