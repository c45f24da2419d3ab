"""Do the topics exist? Asked before anything is sent, in a way that creates none."""

import threading
from collections.abc import Collection
from time import monotonic, sleep

from producer.connect import Cluster
from producer.errors import KafkaUnavailableError, TopicMissingError

PATIENCE_SECONDS = 3.0
"""The consumer may be creating them just now."""

RETRY_SECONDS = 0.02


def require_topics(cluster: Cluster, topics: Collection[str], deadline: float) -> None:
    """Return when each of these topics has a partition with a leader, as a client sees it.

    Args:
        cluster: The client's view, which will be kept up to date for these topics.
        topics: Their names.
        deadline: By when, in monotonic seconds; a missing topic is waited for 3 s at most.

    Raises:
        TopicMissingError: One does not exist.
        KafkaUnavailableError: One has no leader, or is not shown to us, or Kafka does not answer.
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
                    else f"Kafka does not tell who leads {_named(waited_for)}"
                )
            sleep(RETRY_SECONDS)
    finally:
        cluster.remove_listener(listener)


def _missing(topics: Collection[str]) -> TopicMissingError:
    are, them = ("is", "it") if len(topics) == 1 else ("are", "them")
    return TopicMissingError(
        f"{_named(topics)} {are} not there: start the consumer, which creates the topics, "
        f"or create {them}"
    )


def _named(topics: Collection[str]) -> str:
    return f"{'topic' if len(topics) == 1 else 'topics'} {' and '.join(sorted(topics))}"
