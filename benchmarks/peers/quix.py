"""Quix Streams, at-least-once; `peers.quix_exactly_once` is the same with transactions."""

from quixstreams import Application  # type: ignore[import-not-found]

from peers.work import Learning, Task


def main(guarantee: str = "at-least-once") -> None:
    """Learn from all events."""
    task = Task.read()
    learning = Learning(task)
    app = Application(
        broker_address=task.servers,
        consumer_group=task.group,
        auto_offset_reset="earliest",
        processing_guarantee=guarantee,
        loglevel="ERROR",
    )
    stream = app.dataframe(app.topic(task.topic, value_deserializer="bytes"))
    stream.update(learning.work)
    app.run(count=task.total)


if __name__ == "__main__":
    main()
