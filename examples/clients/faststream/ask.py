"""FastStream asks by publishing with ``reply_to``; a subscriber hands the replies over.

(Its ``broker.request`` is not there for Kafka.)
"""

# Its library lives in an environment of its own.
# mypy: ignore-errors

import asyncio
import json
import os
import sys
import uuid
from typing import Any

from faststream import Context
from faststream.kafka import KafkaBroker

REQUESTS = os.environ.get("REQUESTS_TOPIC", "prediction-requests")
REPLIES = os.environ.get("REPLIES_TOPIC", "prediction-replies")

SERVERS = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092").split(",")

broker = KafkaBroker(SERVERS, logger=None)
waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}


@broker.subscriber(REPLIES)  # in no group: it wants to see every reply
async def replied(
    reply: dict[str, Any], correlation_id: str = Context("message.correlation_id")
) -> None:
    """Pass a reply to its waiting question; it may be another client's."""
    if correlation_id in waiting:
        waiting.pop(correlation_id).set_result(reply)


async def ask(question: dict[str, Any]) -> dict[str, Any]:
    """The reply to a question."""
    correlation_id = str(uuid.uuid4())
    waiting[correlation_id] = asyncio.get_running_loop().create_future()
    await broker.publish(question, REQUESTS, reply_to=REPLIES, correlation_id=correlation_id)
    return await asyncio.wait_for(waiting[correlation_id], timeout=10)


async def main() -> bool:
    """Ask a question that has an answer, and one that has none."""
    async with broker:
        await broker.start()
        reply = await ask({"tv": 50})
        print(reply.get("prediction"), json.dumps(reply))
        error = (await ask({"tv": "abc"})).get("error", {})
        print(error.get("code"), json.dumps(error))
    return "prediction" in reply and error.get("code") == "not-a-number"


sys.exit(not asyncio.run(main()))
