"""A bare loop on aiokafka."""

import asyncio

from aiokafka import AIOKafkaConsumer  # type: ignore[import-not-found]

from peers.work import Learning, Task

BATCH = 500


async def main() -> None:
    """Learn from all events."""
    task = Task.read()
    learning = Learning(task)
    consumer = AIOKafkaConsumer(
        task.topic,
        bootstrap_servers=task.servers,
        group_id=task.group,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        while not learning.done:
            batches = await consumer.getmany(timeout_ms=1000, max_records=BATCH)
            for records in batches.values():
                for record in records:
                    learning.work(record.value)
    finally:
        await consumer.stop()


if __name__ == "__main__":
    asyncio.run(main())
