"""A bare loop on kafka-python, with its checksum in C (crc32c)."""

from kafka import KafkaConsumer

from peers.work import Learning, Task

BATCH = 500


def main() -> None:
    """Learn from all events."""
    task = Task.read()
    learning = Learning(task)
    consumer = KafkaConsumer(
        task.topic,
        bootstrap_servers=task.servers,
        group_id=task.group,
        auto_offset_reset="earliest",
        max_poll_records=BATCH,
        metrics_enabled=False,
    )
    while not learning.done:
        for records in consumer.poll(timeout_ms=1000).values():
            for record in records:
                learning.work(record.value)
    consumer.close()


if __name__ == "__main__":
    main()
