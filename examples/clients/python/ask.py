"""Python asks by kafka-python: a question with two headers, the reply with the same id."""

import json
import os
import sys
import time
import uuid
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

SERVERS = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092").split(",")
REQUESTS = os.environ.get("REQUESTS_TOPIC", "prediction-requests")
REPLIES = os.environ.get("REPLIES_TOPIC", "prediction-replies")


class Client:
    """Asks one question at a time; producer.PredictionClient is the one for many at once."""

    def __init__(self) -> None:
        self.producer = KafkaProducer(bootstrap_servers=SERVERS)
        self.consumer = KafkaConsumer(bootstrap_servers=SERVERS)
        # To ask kafka-python about one topic may create it; to ask which topics there are does not.
        if missing := {REQUESTS, REPLIES} - self.consumer.topics():
            sys.exit(f"not there: {', '.join(missing)}; start the service, which makes them")
        # Where the reply topic ends is known before anything is asked: no reply can be missed.
        partitions = self.consumer.partitions_for_topic(REPLIES)
        self.consumer.assign([TopicPartition(REPLIES, number) for number in partitions])
        self.consumer.seek_to_end()
        for partition in self.consumer.assignment():
            self.consumer.position(partition)

    def ask(self, question: dict[str, Any], timeout: float = 10.0) -> dict[str, Any]:
        """The reply to a question."""
        correlation_id = uuid.uuid4().hex.encode()
        headers = [("correlation_id", correlation_id), ("reply_to", REPLIES.encode())]
        self.producer.send(REQUESTS, json.dumps(question).encode(), headers=headers)
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            for records in self.consumer.poll(timeout_ms=100).values():
                for record in records:
                    if dict(record.headers).get("correlation_id") == correlation_id:
                        reply: dict[str, Any] = json.loads(record.value)
                        return reply
        raise TimeoutError(f"no reply within {timeout:g} s")

    def close(self) -> None:
        """Close both clients."""
        self.producer.close()
        self.consumer.close()


client = Client()
answer = client.ask({"tv": 50})
print(answer.get("prediction"), answer)
refusal = client.ask({"tv": "abc"}).get("error", {})
print(refusal.get("code"), refusal)
client.close()
sys.exit("prediction" not in answer or refusal.get("code") != "not-a-number")
