"""A bare loop on confluent-kafka: librdkafka fetches in threads of its own."""

from typing import Any

from confluent_kafka import Consumer

from peers.work import Learning, Task

BATCH = 500


def main() -> None:
    """Learn from all events."""
    task = Task.read()
    learning = Learning(task)
    consumer = Consumer(
        {
            "bootstrap.servers": task.servers,
            "group.id": task.group,
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe([task.topic])
    while not learning.done:
        messages: list[Any] = consumer.consume(BATCH, timeout=1.0)
        for message in messages:
            if message.error() is None:
                learning.work(message.value())
    consumer.close()


if __name__ == "__main__":
    main()
