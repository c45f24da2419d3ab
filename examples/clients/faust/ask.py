"""Faust asks by ``agent.ask``, as one application of Faust asks another's agent."""

# Its library lives in an environment of its own.
# mypy: ignore-errors

import os
import sys
import uuid
from typing import Any

import faust

SERVERS = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092").split(",")
REQUESTS = os.environ.get("REQUESTS_TOPIC", "prediction-requests")

app = faust.App(
    "riverline-example",
    broker=[f"kafka://{server}" for server in SERVERS],
    reply_to=f"f-reply-{uuid.uuid4()}",  # Faust creates it with the first question
    stream_wait_empty=False,  # else the stream of replies holds the last one, and stop waits for it
)


@app.agent(app.topic(REQUESTS))
async def predictions(questions: faust.StreamT[Any]) -> None:
    """Riverline does this; here the agent only stands for its topic."""


@app.command()
async def ask() -> None:
    """Ask a question that has an answer, and one that has none."""
    reply = await predictions.ask({"tv": 50})
    print(reply.get("prediction"), reply)
    error = (await predictions.ask({"tv": "abc"})).get("error", {})
    print(error.get("code"), error)
    if "prediction" not in reply or error.get("code") != "not-a-number":
        sys.exit(1)


app.main()
