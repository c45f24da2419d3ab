"""Are the topics there? Asked before anything is sent, in a way that creates none."""

from collections.abc import Collection
from contextlib import closing
from time import monotonic, sleep
from typing import Any, NoReturn

from kafka import KafkaAdminClient
from kafka.errors import UnknownTopicOrPartitionError, for_code

from contract.environment import Environment

PATIENCE_SECONDS = 3.0
"""The consumer may be making them just now."""

RETRY_SECONDS = 0.1


class TopicMissingError(Exception):
    """A topic is not there: says which, and what to do."""


def require_topics(settings: Environment, topics: Collection[str], timeout: float) -> None:
    """Return when Kafka has all of these topics.

    Args:
        settings: Where Kafka is.
        topics: Their names.
        timeout: Seconds that Kafka may take to answer; a topic is waited for 3 s at most.

    Raises:
        TopicMissingError: One is not there.
        KafkaError: Kafka is not there, or does not show us a topic.
    """
    deadline = monotonic() + min(timeout, PATIENCE_SECONDS)
    with closing(
        KafkaAdminClient(**settings.admin_options(), bootstrap_timeout_ms=int(timeout * 1000))
    ) as admin:
        while faults := _faults(admin.describe_topics(list(topics))):
            if monotonic() > deadline:
                _tell(faults)
            sleep(RETRY_SECONDS)


def _faults(described: list[dict[str, Any]]) -> dict[str, int]:
    """The error code of each topic that has one."""
    return {topic["name"]: topic["error_code"] for topic in described if topic["error_code"]}


def _tell(faults: dict[str, int]) -> NoReturn:
    for name, code in faults.items():
        if code != UnknownTopicOrPartitionError.errno:
            raise for_code(code)(name)
    names = sorted(faults)
    raise TopicMissingError(
        f"topic {names[0]} is not there: start the consumer, which makes the topics, or create it"
        if len(names) == 1
        else f"topics {' and '.join(names)} are not there: start the consumer, which makes them, "
        "or create them"
    )
