"""Bytewax: one worker, in this process."""

import bytewax.operators as op  # type: ignore[import-not-found]
from bytewax.connectors.kafka import KafkaSource  # type: ignore[import-not-found]
from bytewax.connectors.stdio import StdOutSink  # type: ignore[import-not-found]
from bytewax.dataflow import Dataflow  # type: ignore[import-not-found]
from bytewax.testing import run_main  # type: ignore[import-not-found]
from confluent_kafka import OFFSET_BEGINNING

from peers.work import Learning, Task

BATCH = 500


def main() -> None:
    """Learn from all events."""
    task = Task.read()
    learning = Learning(task)
    source = KafkaSource(
        [task.servers],
        [task.topic],
        starting_offset=OFFSET_BEGINNING,
        tail=False,
        batch_size=BATCH,
        add_config={"group.id": task.group},
    )
    flow = Dataflow("bench")
    messages = op.input("events", flow, source)
    # A flow needs an output; `work` returns nothing, so that nothing arrives there.
    nothing = op.filter_map("work", messages, lambda message: learning.work(message.value))
    op.output("nothing", nothing, StdOutSink())
    run_main(flow)


if __name__ == "__main__":
    main()
