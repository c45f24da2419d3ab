"""Reads the dead-letter topic from its beginning to its end now, however long it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import AuthorizationError, KafkaError

from contract.environment import Environment
from contract.messages import REPLAYED
from producer.connect import Connector
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


class Letters:
    """The letters that were not sent again: iterate to read them, as often as wanted.

    Args:
        connector: Says what Kafka's errors mean.
        consumer: Reads the topic.
        topic: The dead-letter topic.

    Attributes:
        replayed: The places of those that were sent again.
    """

    def __init__(self, connector: Connector, consumer: Any, topic: str) -> None:  # noqa: ANN401 - kafka-python has no types
        self._connector = connector
        self._consumer = consumer
        self._topic = topic
        self.replayed = frozenset(
            (record.key or b"").decode(errors="replace")
            for record in self._records()
            if any(name == REPLAYED for name, _ in record.headers)
        )

    def __iter__(self) -> Iterator[Letter]:
        """Each once, whatever crashes repeated it.

        Raises:
            KafkaUnavailableError: Kafka does not answer, or does not let us read.
        """
        seen: set[int] = set()  # 64 bits of each: there may be millions
        for record in self._records():
            letter = Letter.of(record.key, record.value, record.headers)
            if letter is None or letter.place in self.replayed or hash(letter.place) in seen:
                continue
            seen.add(hash(letter.place))
            yield letter

    def _records(self) -> Iterator[Any]:
        """Every record of the topic up to where it ends now.

        Raises:
            KafkaUnavailableError: Kafka does not answer, or does not let us read.
        """
        try:
            yield from self._read()
        except AuthorizationError as error:
            raise self._connector.unavailable(f"we may not read {self._topic}") from error
        except KafkaError as error:
            raise self._connector.unavailable(error) from error

    def _read(self) -> Iterator[Any]:
        consumer = self._consumer
        numbers = sorted(consumer.partitions_for_topic(self._topic))
        places = [TopicPartition(self._topic, number) for number in numbers]
        consumer.assign(places)
        ends = consumer.end_offsets(places)
        consumer.seek_to_beginning(*places)
        heard = monotonic()
        while left := [at.partition for at in places if consumer.position(at) < ends[at]]:
            for records in consumer.poll(timeout_ms=POLL_MS).values():
                yield from records
                heard = monotonic()
            if monotonic() - heard > STALLED_SECONDS:
                raise KafkaError(f"nothing comes from partitions {left} of {self._topic}")


@contextmanager
def opened_letters(settings: Environment) -> Iterator[Letters]:
    """The dead letters, as long as the context lasts.

    Raises:
        TopicMissingError: The dead-letter topic does not exist.
        KafkaUnavailableError: Kafka does not answer, or does not let us read.
    """
    connector = Connector(settings)
    topic = settings.dead_letter_topic
    deadline = monotonic() + CONNECT_SECONDS
    consumer, cluster = connector.open(KafkaConsumer, deadline, **OPTIONS)
    try:
        require_topics(cluster, [topic], deadline)
        yield Letters(connector, consumer, topic)
    finally:
        consumer.close(autocommit=False, timeout_ms=1000)
