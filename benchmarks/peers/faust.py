"""Faust (faust-streaming): one agent on the topic, batches of at most 500.

Event by event it is a third slower. It serves until it is stopped.
"""

from typing import Any

import faust  # type: ignore[import-not-found]

from peers.work import Learning, Task

BATCH = 500
WITHIN_SECONDS = 1.0


def main() -> None:
    """Learn from all events."""
    task = Task.read()
    learning = Learning(task)
    app = faust.App(
        task.group,
        broker=f"kafka://{task.servers}",
        consumer_auto_offset_reset="earliest",
        store="memory://",
        web_enabled=False,
        worker_redirect_stdouts=False,  # else what we print becomes log lines
    )

    async def agent(stream: Any) -> None:  # noqa: ANN401 - faust's, untyped
        async for values in stream.take(BATCH, within=WITHIN_SECONDS):
            for value in values:
                learning.work(value)

    app.agent(app.topic(task.topic, value_serializer="raw"))(agent)
    faust.Worker(app, loglevel="ERROR").execute_from_commandline()


if __name__ == "__main__":
    main()
