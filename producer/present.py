"""Checks that topics exist before anything is sent, without creating them."""

import threading
from collections.abc import Collection
from time import monotonic, sleep

from producer.connect import Cluster
from producer.errors import KafkaUnavailableError, TopicMissingError

PATIENCE_SECONDS = 3.0
"""How long to wait for a missing topic: the consumer may be creating it."""

RETRY_SECONDS = 0.02


def require_topics(cluster: Cluster, topics: Collection[str], deadline: float) -> None:
    """Return once each of these topics has a partition with a leader, as a client sees it.

    Args:
        cluster: The client's view; from now on it includes these topics.
        topics: Their names.
        deadline: By when, in monotonic seconds; a missing topic is awaited for at most 3 s.

    Raises:
        TopicMissingError: One does not exist.
        KafkaUnavailableError: A topic has no leader or is hidden from us, or Kafka does not answer.
    """
    heard = threading.Event()

    def listener(_cluster: object) -> None:
        heard.set()

    cluster.add_listener(listener)
    try:
        for topic in topics:
            cluster.add_topic(topic)
        patience = min(deadline, monotonic() + PATIENCE_SECONDS)
        while waited_for := [it for it in topics if not cluster.available_partitions_for_topic(it)]:
            if refused := cluster.unauthorized_topics.intersection(waited_for):
                raise KafkaUnavailableError(f"Kafka does not let us see {_named(refused)}")
            missing = [it for it in waited_for if cluster.partitions_for_topic(it) is None]
            if missing and heard.is_set() and monotonic() > patience:
                raise _missing(missing)
            if monotonic() > deadline:
                raise KafkaUnavailableError(
                    f"no partition of {_named(waited_for)} has a leader: a broker is away"
                    if heard.is_set()
                    else f"Kafka does not report the leaders of {_named(waited_for)}"
                )
            sleep(RETRY_SECONDS)
    finally:
        cluster.remove_listener(listener)


def _missing(topics: Collection[str]) -> TopicMissingError:
    are, them = ("is", "it") if len(topics) == 1 else ("are", "them")
    return TopicMissingError(
        f"{_named(topics)} {are} missing: start the consumer, which creates the topics, "
        f"or create {them}"
    )


def _named(topics: Collection[str]) -> str:
    return f"{'topic' if len(topics) == 1 else 'topics'} {' and '.join(sorted(topics))}"
