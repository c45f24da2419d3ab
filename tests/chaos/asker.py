"""Questions to each partition of the requests topic, and their answers."""

import uuid
from collections import Counter
from contextlib import closing
from itertools import chain
from typing import Self

import orjson
from kafka import KafkaConsumer, TopicPartition

from chaos.world import Reply, World, plain_producer
from contract.messages import CORRELATION_ID, KAFKA_CORRELATION_ID, REPLY_TO
from support.waiting import wait_until

CORRELATION_IDS = (CORRELATION_ID, KAFKA_CORRELATION_ID)


class Asker:
    """Asks each partition of the requests topic, so that every responder gets its share.

    Args:
        world: Whose service is asked.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._requests, self._replies = world.names["REQUESTS_TOPIC"], world.names["REPLIES_TOPIC"]
        self._producer = plain_producer(world.servers)
        self._consumer = KafkaConsumer(bootstrap_servers=world.servers, group_id=None)
        at = [
            TopicPartition(self._replies, n)
            for n in self._consumer.partitions_for_topic(self._replies)
        ]
        self._consumer.assign(at)
        for tp, end in self._consumer.end_offsets(at).items():
            self._consumer.seek(tp, end)
        self.partitions = sorted(self._consumer.partitions_for_topic(self._requests))
        self._asked: dict[bytes, int] = {}
        self.answers: dict[bytes, Reply] = {}

    def ask(self, partition: int, request: Reply) -> bytes:
        """Send a request to one partition; its correlation id."""
        correlation_id = uuid.uuid4().hex.encode()
        self._asked[correlation_id] = partition
        self._producer.send(
            self._requests,
            value=orjson.dumps(request),
            partition=partition,
            headers=[(CORRELATION_ID, correlation_id), (REPLY_TO, self._replies.encode())],
        ).get(timeout=30)
        return correlation_id

    def look(self, timeout_ms: int = 50) -> dict[bytes, Reply]:
        """Take up the replies that have come; all that are not taken away yet."""
        for records in self._consumer.poll(timeout_ms=timeout_ms).values():
            for record in records:
                asked = dict(record.headers).get(CORRELATION_ID)
                if asked in self._asked:
                    self.answers[asked] = orjson.loads(record.value)
        return self.answers

    def all_that_came(self) -> dict[bytes, Reply]:
        """The replies up to the end that the topic has now."""
        ends = self._consumer.end_offsets(self._consumer.assignment())
        wait_until(lambda: self.look() is not None and self._is_beyond(ends))
        return self.answers

    def _is_beyond(self, ends: dict[TopicPartition, int]) -> bool:
        return all(self._consumer.position(at) >= end for at, end in ends.items())

    def ask_all(self, request: Reply, seconds: float = 30.0) -> list[Reply]:
        """The replies from every partition of the requests topic."""
        asked = [self.ask(partition, request) for partition in self.partitions]

        wait_until(lambda: self.look().keys() >= set(asked), seconds)
        return [self.answers[correlation_id] for correlation_id in asked]

    def close(self) -> None:
        self._producer.close(timeout=1)
        self._consumer.close(autocommit=False, timeout_ms=1000)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def correlation_ids(world: World, topic: str) -> Counter[bytes]:
    """How often each stands on this topic of requests or replies."""
    found: Counter[bytes] = Counter()
    with closing(KafkaConsumer(bootstrap_servers=world.servers, group_id=None)) as consumer:
        ends = {
            TopicPartition(topic, number): end
            for number, (_, end) in world.log_range(topic).items()
        }
        consumer.assign(list(ends))
        consumer.seek_to_beginning(*ends)
        while any(consumer.position(at) < end for at, end in ends.items()):
            for records in consumer.poll(timeout_ms=500).values():
                headers = chain.from_iterable(record.headers for record in records)
                found.update(value for name, value in headers if name in CORRELATION_IDS)
    return found
