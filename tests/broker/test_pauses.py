"""A partition that was paused in the middle of its records is read on when it is resumed."""

from contextlib import closing
from typing import Any

from kafka import KafkaAdminClient, KafkaProducer, TopicPartition

from consumer.client import connections
from consumer.client.connections import MAX_POLL_RECORDS
from consumer.client.poll import poll
from consumer.settings import Settings
from support.waiting import wait_until

MANY = 3 * MAX_POLL_RECORDS


def test_records_that_were_laid_aside_are_taken_up(kafka: str, names: dict[str, str]) -> None:
    settings = Settings()
    topic = names["EVENTS_TOPIC"]
    paused, other = TopicPartition(topic, 0), TopicPartition(topic, 1)
    with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
        admin.create_topics({topic: {"num_partitions": 2}})
    with closing(KafkaProducer(bootstrap_servers=kafka)) as producer:
        for number in range(MANY):
            producer.send(topic, b"%d" % number, partition=0)
        producer.flush()
        with closing(connections.events_consumer(settings)) as opened:
            consumer: Any = opened
            offsets: dict[TopicPartition, list[int]] = {paused: [], other: []}

            def has(at: TopicPartition, count: int) -> bool:
                records = poll(consumer, 100)
                for place, found in records.items():
                    offsets[place] += (record.offset for record in found)
                return len(offsets[at]) >= count

            consumer.assign([paused, other])
            for at in (paused, other):
                consumer.seek(at, 0)
            wait_until(lambda: has(paused, 1))
            consumer.pause(paused)
            before = len(offsets[paused])
            assert before < MANY, "nothing was laid aside"
            producer.send(topic, b"other", partition=1).get(timeout=30)
            wait_until(lambda: has(other, 1))
            assert len(offsets[paused]) == before
            consumer.resume(paused)
            wait_until(lambda: has(paused, MANY), 20)
            assert offsets[paused] == list(range(MANY))
