"""Replies are read on, whatever the client of Kafka raises."""

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from kafka import TopicPartition
from kafka.errors import CorruptRecordError, KafkaConnectionError, UnknownBrokerIdError

from producer.connect import Connector
from producer.replies import Replies
from support.waiting import wait_until

AT = TopicPartition("replies", 0)
END = 100


class Cluster:
    """One partition; it has a leader."""

    unauthorized_topics: frozenset[str] = frozenset()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        answers = {"available_partitions_for_topic": {0}, "partitions_for_topic": {0}}
        return lambda *_: answers.get(name)


class Consumer:
    """Reads what is given to it, or raises it."""

    def __init__(self, polls: list[Any]) -> None:
        self.polls = polls
        self.begun = -1

    def poll(self, timeout_ms: int) -> dict[TopicPartition, list[Any]]:
        if not self.polls:
            time.sleep(timeout_ms / 1000)
            return {}
        if isinstance(it := self.polls.pop(0), Exception):
            raise it
        return {AT: [SimpleNamespace(offset=it)]}

    def end_offsets(self, partitions: Any, timeout_ms: int) -> dict[TopicPartition, int]:  # noqa: ANN401
        assert timeout_ms
        return dict.fromkeys(partitions, END)

    def offsets_for_times(self, times: Any, timeout_ms: int) -> dict[TopicPartition, None]:  # noqa: ANN401
        assert timeout_ms
        return dict.fromkeys(times)

    def seek(self, _partition: TopicPartition, offset: int) -> None:
        self.begun = offset

    def assign(self, partitions: Any) -> None: ...  # noqa: ANN401
    def close(self, **_: object) -> None: ...


@pytest.mark.parametrize(
    ("error", "begun"),
    [
        (KafkaConnectionError(), END + 6),
        (UnknownBrokerIdError(7), END + 6),  # kafka-python would never fetch from that broker again
        (CorruptRecordError(), END),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "a header's key"), END),
    ],
)
def test_after_an_error_a_new_consumer_reads_on(error: Exception, begun: int) -> None:
    consumers = [Consumer([END + 5, error]), Consumer([END + 7])]
    opening = iter(consumers)
    connector = SimpleNamespace(open=lambda *_, **__: (next(opening), Cluster()))
    delivered: list[int] = []
    replies = Replies(
        cast("Connector", connector),
        "replies",
        lambda record: delivered.append(record.offset),
        lambda _: None,
        deadline=time.monotonic() + 10,
    )
    wait_until(lambda: delivered == [END + 5, END + 7])
    replies.close()
    assert [it.begun for it in consumers] == [END, begun]
