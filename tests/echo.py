"""A consumer for those who ask: it answers each question with itself, whatever brokers do."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from contract.environment import Environment
from contract.messages import CORRELATION_ID
from producer.connect import Connector


class Echo:
    """Answers in two threads; `asked` counts the requests by correlation id."""

    def __init__(self, settings: Environment, partitions: int) -> None:
        self.asked: Counter[bytes] = Counter()
        self.silent = threading.Event()
        self.reply_partition: int | None = None
        self._settings = settings
        self._partitions = [TopicPartition(settings.requests_topic, it) for it in range(partitions)]
        self._stop = threading.Event()

    def run(self) -> None:
        connector, deadline = Connector(self._settings), monotonic() + 60
        producer, _ = connector.open(
            KafkaProducer, deadline, acks="all", enable_idempotence=False, max_block_ms=5000
        )
        consumer, _ = connector.open(KafkaConsumer, deadline, auto_offset_reset="earliest")
        consumer.assign(self._partitions)
        while not self._stop.is_set():
            with suppress(KafkaError):
                for records in consumer.poll(timeout_ms=50).values():
                    for record in records:
                        self._answer(producer, record.headers, record.value)
        consumer.close()
        producer.close(timeout=1)

    def stop(self) -> None:
        self._stop.set()

    def _answer(
        self, producer: KafkaProducer, headers: list[tuple[str, bytes]], value: bytes
    ) -> None:
        name = dict(headers)[CORRELATION_ID]
        self.asked[name] += 1
        if not self.silent.is_set():
            producer.send(
                self._settings.replies_topic,
                value,
                headers=[(CORRELATION_ID, name)],
                partition=self.reply_partition,
            )


@contextmanager
def echo(settings: Environment, partitions: int) -> Iterator[Echo]:
    """Answer until the end."""
    answering = Echo(settings, partitions)
    thread = threading.Thread(target=answering.run, daemon=True)
    thread.start()
    try:
        yield answering
    finally:
        answering.stop()
        thread.join(timeout=10)
