"""FastStream on confluent-kafka, batches of 500."""

import asyncio

from faststream import FastStream  # type: ignore[import-not-found]
from faststream.confluent import KafkaBroker  # type: ignore[import-not-found]

from peers.work import Learning, Task

BATCH = 500


def main() -> None:
    """Learn from all events."""
    task = Task.read()
    learning = Learning(task)
    broker = KafkaBroker(task.servers, logger=None)
    app = FastStream(broker, logger=None)

    async def handle(values: list[bytes]) -> None:
        for value in values:
            learning.work(value)
        if learning.done:
            app.exit()

    broker.subscriber(
        task.topic,
        batch=True,
        max_records=BATCH,
        group_id=task.group,
        auto_offset_reset="earliest",
        decoder=_as_it_came,
    )(handle)
    asyncio.run(app.run())


async def _as_it_came(message: object) -> object:
    """The bytes: decoding is the work's."""
    return message.body  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
