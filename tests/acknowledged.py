"""python acknowledged.py SERVERS TOPIC PARTITIONS: send numbers, print the acknowledged.

Until SIGTERM.  Its own process: kafka-python leaves the sockets of failed connections unclosed.
"""

import signal
import sys
import threading
from functools import partial

from kafka import KafkaProducer

end = threading.Event()


def tell(number: int, _metadata: object) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def main() -> None:
    servers, topic, partitions = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_signal: end.set())
    producer = KafkaProducer(
        bootstrap_servers=servers.split(","),
        acks="all",
        request_timeout_ms=5000,  # a paused broker takes a request, and never answers
        delivery_timeout_ms=60_000,
    )
    number = 0
    while not end.wait(0.001):
        sent = producer.send(topic, b"%d" % number, partition=number % int(partitions))
        sent.add_callback(partial(tell, number))
        number += 1
    producer.flush(timeout=60)
    producer.close()


if __name__ == "__main__":
    main()
