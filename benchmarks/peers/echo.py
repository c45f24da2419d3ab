"""The least that a request/reply over Kafka costs: every request comes back as it was.

    python -m peers.echo SERVERS TOPIC GROUP LIMIT

On librdkafka, one record at a time; the reply goes where the header `reply_to` says.
"""

import signal
import sys
from typing import Any

from confluent_kafka import Consumer, Producer


def main() -> None:
    """Echo until stopped."""
    servers, topic, group, limit = sys.argv[1:]
    signal.alarm(int(limit))
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "log_level": 3,
        }
    )
    producer = Producer({"bootstrap.servers": servers, "linger.ms": 0, "log_level": 3})
    consumer.subscribe([topic])
    while True:
        request = consumer.poll(1.0)
        if request is not None and request.error() is None:
            headers: dict[str, Any] = dict(request.headers() or ())
            reply_to = headers.pop("reply_to").decode()
            producer.produce(reply_to, request.value(), headers=headers)
        producer.poll(0)


if __name__ == "__main__":
    main()
