"""Reads the dead-letter topic, from its beginning to its end now."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import AuthorizationError, KafkaError

from contract.environment import Environment
from contract.messages import REPLAYED
from producer.connect import Connector
from producer.errors import KafkaUnavailableError
from producer.letters.letter import Letter
from producer.present import require_topics

CONNECT_SECONDS = 10.0
STALLED_SECONDS = 15.0
"""How long nothing may be read before we give up, as where a partition has no leader."""

POLL_MS = 200
OPTIONS = {
    "group_id": None,
    "auto_offset_reset": "earliest",
    "isolation_level": "read_committed",  # of an aborted replay nothing counts
}


@dataclass(slots=True)
class Letters:
    """What the topic holds.

    Attributes:
        waiting: The letters that were not sent again, by place, each once.
        replayed: The places of those that were.
    """

    waiting: dict[str, Letter] = field(default_factory=dict)
    replayed: set[str] = field(default_factory=set)


def read_letters(settings: Environment) -> Letters:
    """All dead letters up to now.

    Raises:
        TopicMissingError: The dead-letter topic does not exist.
        KafkaUnavailableError: Kafka does not answer, or does not let us read.
    """
    connector = Connector(settings)
    topic = settings.dead_letter_topic
    deadline = monotonic() + CONNECT_SECONDS
    consumer, cluster = connector.open(KafkaConsumer, deadline, **OPTIONS)
    found: dict[str, Letter] = {}
    replayed: set[str] = set()
    try:
        require_topics(cluster, [topic], deadline)
        for record in _records(consumer, topic):
            if any(name == REPLAYED for name, _ in record.headers):
                replayed.add((record.key or b"").decode(errors="replace"))
            elif letter := Letter.of(record.key, record.value, record.headers):
                found[letter.place] = letter
    except KafkaUnavailableError:  # says why already
        raise
    except AuthorizationError as error:
        raise connector.unavailable(f"we may not read {topic}") from error
    except KafkaError as error:
        raise connector.unavailable(error) from error
    finally:
        consumer.close(autocommit=False, timeout_ms=1000)
    return Letters({place: it for place, it in found.items() if place not in replayed}, replayed)


def _records(consumer: Any, topic: str) -> Iterator[Any]:  # noqa: ANN401 - kafka-python has no types
    """Every record of the topic up to where it ends now.

    Raises:
        KafkaError: Some cannot be read.
    """
    places = [TopicPartition(topic, it) for it in sorted(consumer.partitions_for_topic(topic))]
    consumer.assign(places)
    ends = consumer.end_offsets(places)
    consumer.seek_to_beginning(*places)
    heard = monotonic()
    while left := [at for at in places if consumer.position(at) < ends[at]]:
        for records in consumer.poll(timeout_ms=POLL_MS).values():
            yield from records
            heard = monotonic()
        if monotonic() - heard > STALLED_SECONDS:
            numbers = ", ".join(str(at.partition) for at in left)
            raise KafkaError(f"nothing comes from partition {numbers} of {topic}")
