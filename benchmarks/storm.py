"""Sends events at a rate until stopped: python storm.py SERVERS TOPIC PARTITIONS RATE LIMIT."""

import signal
import sys
from time import monotonic, sleep

from confluent_kafka import Producer

from events import QUIET, mobile_events

TICK_SECONDS = 0.01


def main() -> None:
    """A tick's events, then sleep until the next tick."""
    servers, topic, partitions, rate, limit = sys.argv[1:]
    signal.alarm(int(limit))
    producer = Producer({"bootstrap.servers": servers, "linger.ms": 5, **QUIET})
    values = list(mobile_events(20_000))
    started = monotonic()
    sent = 0
    while True:
        due = int((monotonic() - started) * int(rate))
        for number in range(sent, due):
            _send(producer, topic, number % int(partitions), values[number % len(values)])
        sent = due
        producer.poll(0)
        sleep(TICK_SECONDS)


def _send(producer: Producer, topic: str, partition: int, value: bytes) -> None:
    while True:
        try:
            producer.produce(topic, value, partition=partition)
        except BufferError:  # Kafka does not keep up: it sets the pace
            producer.poll(TICK_SECONDS)
        else:
            return


if __name__ == "__main__":
    main()
