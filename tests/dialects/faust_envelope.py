"""Faust once more, as the example does not ask: all in an envelope, the question a Record."""

# Its library lives in the example's environment.
# mypy: ignore-errors

import os
import sys
import uuid
from typing import Any

import faust

app = faust.App(
    "riverline-test",
    broker=f"kafka://{os.environ['KAFKA_BOOTSTRAP_SERVERS']}",
    reply_to=f"f-reply-{uuid.uuid4()}",
    stream_wait_empty=False,
)


class Question(faust.Record):
    """What a model of the asker's may look like."""

    tv: Any


@app.agent(app.topic(os.environ["REQUESTS_TOPIC"]), use_reply_headers=False)
async def predictions(questions: faust.StreamT[Any]) -> None:
    """Stands for its topic."""


@app.command()
async def ask() -> None:
    """Ask a question that has an answer, and one that has not."""
    reply = await predictions.ask(Question(tv=50), key="device-7")
    error = await predictions.ask({"tv": "abc"})
    sys.stdout.write(f"{reply}\n{error}\n")


app.main()
