"""The limit: the same events from a list, no Kafka while the clock runs."""

from typing import Any

from confluent_kafka import Consumer

from peers.work import Learning, Task

BATCH = 500


def main() -> None:
    """Read all events, then learn from them."""
    task = Task.read()
    values = _read(task)
    learning = Learning(task)
    for value in values:
        learning.work(value)


def _read(task: Task) -> list[bytes]:
    consumer = Consumer(
        {
            "bootstrap.servers": task.servers,
            "group.id": task.group,
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe([task.topic])
    values: list[bytes] = []
    while len(values) < task.total:
        messages: list[Any] = consumer.consume(BATCH, timeout=1.0)
        values += (message.value() for message in messages if message.error() is None)
    consumer.close()
    return values


if __name__ == "__main__":
    main()
