"""A service that only answers: it follows each partition that has a leader, and never stops.

What is tested with it is the gateway alone, whatever the real service does in an outage.
"""

import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

confluent = pytest.importorskip("confluent_kafka", reason="librdkafka answers the gateway")

POLL_S = 0.1
QUICK = {
    "reconnect.backoff.max.ms": 200,
    "topic.metadata.refresh.interval.ms": 1000,
    "topic.metadata.refresh.fast.interval.ms": 100,
}


class Answerer:
    """Answers predictions with `prediction`, and learning with `learned`.

    Attributes:
        asked: How often each correlation id is in the requests topic.
        silent: Whether it reads, and answers nobody.
    """

    def __init__(self, servers: str, names: Mapping[str, str], partitions: int) -> None:
        topic = names["REQUESTS_TOPIC"]
        client = {"bootstrap.servers": servers, **QUICK}
        self._consumer = confluent.Consumer(
            client | {"group.id": "none", "enable.auto.commit": False}
        )
        self._consumer.assign(
            [confluent.TopicPartition(topic, number, 0) for number in range(partitions)]
        )
        self._producer = confluent.Producer(client | {"linger.ms": 0})
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.asked: Counter[str] = Counter()
        self.silent = False

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()
        self._consumer.close()
        self._producer.purge()
        self._producer.flush(1)

    def leader(self, topic: str, partition: int) -> int | None:
        """The broker that leads a partition; -1: none; None: nobody can say now."""
        try:
            found = self._producer.list_topics(topic, timeout=1).topics[topic]
        except confluent.KafkaException:
            return None
        return int(found.partitions[partition].leader) if found.partitions else None

    def _run(self) -> None:
        while not self._over.is_set():
            record = self._consumer.poll(POLL_S)
            self._producer.poll(0)
            if record is not None and record.error() is None:
                self._answer(record)

    def _answer(self, record: Any) -> None:  # noqa: ANN401 - confluent-kafka has no types
        headers = dict(record.headers())
        self.asked[headers["kafka_correlationId"].decode()] += 1
        if self.silent:
            return
        learns = json.loads(record.value())["method"] == "learn"
        body = {"learned": True} if learns else {"prediction": 1.0}
        self._producer.produce(
            headers["kafka_replyTopic"].decode(),
            json.dumps(body),
            partition=int.from_bytes(headers["kafka_replyPartition"], "big"),
            headers={"kafka_correlationId": headers["kafka_correlationId"]},
        )


@contextmanager
def answering(servers: str, names: Mapping[str, str], partitions: int) -> Iterator[Answerer]:
    """Answer what is asked on the requests topic."""
    answerer = Answerer(servers, names, partitions)
    answerer.start()
    try:
        yield answerer
    finally:
        answerer.stop()


def read_all(servers: str, topic: str, partitions: int) -> list[bytes]:
    """The values of all records of a topic."""
    consumer = confluent.Consumer(
        {"bootstrap.servers": servers, "group.id": "none", "enable.auto.commit": False}
    )
    values: list[bytes] = []
    for number in range(partitions):
        at = confluent.TopicPartition(topic, number, 0)
        _, end = consumer.get_watermark_offsets(at, timeout=20)
        consumer.assign([at])
        while end > 0:
            record = consumer.poll(20)
            assert record is not None, f"partition {number} of {topic} does not come"
            assert record.error() is None, record.error()
            values.append(record.value())
            if record.offset() + 1 >= end:
                break
    consumer.close()
    return values
