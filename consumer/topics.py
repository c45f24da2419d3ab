"""Topics: created where missing, checked where present."""

from collections.abc import Sequence

import structlog
from kafka.errors import (
    ClusterAuthorizationFailedError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
)

from consumer.client import Admin
from contract.topics import Topic

log = structlog.get_logger()


class TopicError(Exception):
    """A topic is missing and may not be created, or is not usable: says which and what to do."""


def ensure_topics(admin: Admin, topics: Sequence[Topic]) -> None:
    """Create the topics that are missing.

    Raises:
        TopicError: One is missing and we may not create it.
        KafkaError: Kafka is not there.
    """
    present = set(admin.list_topics())
    for topic in topics:
        if topic.name not in present:
            _create(admin, topic)


def _create(admin: Admin, topic: Topic) -> None:
    options = {"num_partitions": topic.partitions, "configs": dict(topic.config)}
    try:
        admin.create_topics({topic.name: options})
    except TopicAlreadyExistsError:
        return  # another instance was quicker
    except (ClusterAuthorizationFailedError, TopicAuthorizationFailedError) as error:
        raise TopicError(
            f"topic {topic.name} is not there (or not to be seen by us) and we may not create it: "
            f"create it with {topic.partitions} partitions and {dict(topic.config)}"
        ) from error
    log.info("topic created", topic=topic.name, partitions=topic.partitions)
