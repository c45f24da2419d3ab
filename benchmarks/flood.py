"""Part (f): how fast the service learns beside a flood of requests.

In each round a consumer learns the same events three times: alone; while records go, as fast as the
flood, to an unread topic (what the flood costs the machine); and while they are requests,
more than it can answer. Said are events a second, and the ratios within each round.

As a program, `python -m flood SERVERS TOPIC REPLIES RATE`, it is the flood.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from time import monotonic, sleep

import orjson
from confluent_kafka import Producer

from contract.messages import CORRELATION_ID, REPLY_TO
from contract.topics import PARTITION_COUNT
from producer.simulate import simulate
from programs import OURS, running
from sizes import Sizes
from support.service import LEARNED, Service, own_names, running_service
from support.waiting import wait_until

WARM_UP = 2000  # events
LOOK_SECONDS = 0.2
ANSWERED = 'riverline_requests_total{method="predict",outcome="answered"}'

Say = Callable[[str], None]


def measure(servers: str, sizes: Sizes, say: Say) -> bool:
    """All rounds; whether what was promised is held (there is no promise)."""
    values = [orjson.dumps(event) for event in simulate(sizes.flood_events + WARM_UP, seed=3)]
    shares, rate = [], sizes.flood_rate
    for number in range(sizes.rounds):
        alone, _ = learned(servers, values, None, rate)
        beside, _ = learned(servers, values, "DEAD_LETTER_TOPIC", rate)
        flooded, answers = learned(servers, values, "REQUESTS_TOPIC", rate)
        shares.append((flooded / alone, flooded / beside))
        say(
            f"round {number + 1}: alone {alone:,.0f} events/s, beside records that nobody "
            f"reads {beside:,.0f}, beside requests {flooded:,.0f} with {answers:,.0f} answers/s"
        )
    of_alone, of_beside = (median(ratios) for ratios in zip(*shares, strict=True))
    say(f"beside a flood: {of_alone:.2f} of alone, {of_beside:.2f} of beside the same records")
    return True


def learned(servers: str, values: list[bytes], topic: str | None, rate: int) -> tuple[float, float]:
    """Events learned and requests answered a second, while records flood this topic."""
    names = own_names(servers)
    with running_service(**names) as service:
        wait_until(lambda: service.ready)
        send(servers, names["EVENTS_TOPIC"], values[:WARM_UP])
        wait_until(lambda: service.metric(LEARNED) == WARM_UP)
        with flooded(servers, names[topic] if topic else None, names["REPLIES_TOPIC"], rate):
            if topic == "REQUESTS_TOPIC":
                wait_until(lambda: service.metric(ANSWERED) > rate / 10)
            answered, started = service.metric(ANSWERED), monotonic()
            send(servers, names["EVENTS_TOPIC"], values[WARM_UP:])
            wait_learned(service, len(values))
            seconds = monotonic() - started
            return (len(values) - WARM_UP) / seconds, (
                service.metric(ANSWERED) - answered
            ) / seconds


def wait_learned(service: Service, count: int) -> None:
    """Wait, polling seldom enough not to disturb the measurement."""
    deadline = monotonic() + 120
    while service.metric(LEARNED) < count:
        if monotonic() > deadline:
            raise TimeoutError(f"not {count} events within 120 s")
        sleep(LOOK_SECONDS)


@contextmanager
def flooded(servers: str, topic: str | None, replies: str, rate: int) -> Iterator[None]:
    """A process that sends requests to this topic, if there is one, until this is left."""
    if topic is None:
        yield
        return
    with running(OURS, "flood", servers, topic, replies, str(rate)):
        yield


def flood(servers: str, topic: str, replies: str, rate: int) -> None:
    """Send requests until killed."""
    producer = Producer({"bootstrap.servers": servers, "linger.ms": 2})
    started, sent = monotonic(), 0
    while True:
        for _ in range(50):
            headers = [(CORRELATION_ID, str(sent).encode()), (REPLY_TO, replies.encode())]
            producer.produce(topic, b'{"tv": 50}', headers=list(headers))
            sent += 1
        producer.poll(0)
        sleep(max(0.0, started + sent / rate - monotonic()))


def send(servers: str, topic: str, values: list[bytes]) -> None:
    """All of them, round the partitions."""
    producer = Producer(
        {"bootstrap.servers": servers, "linger.ms": 20, "queue.buffering.max.messages": 1_000_000}
    )
    for number, value in enumerate(values):
        producer.produce(topic, value, partition=number % PARTITION_COUNT)
    producer.flush(60)


if __name__ == "__main__":
    flood(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
