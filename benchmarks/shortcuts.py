"""What does each short cut through kafka-python buy?

    python benchmarks/shortcuts.py [--rounds 3] [--events 150000] [--questions 300]

Starts an embedded Kafka, and in each round the service once with all of its short cuts and once
without each of them, in an order that turns. Each learns events that are there already, then
answers questions while it is idle, then while events come faster than it learns. Prints a table:
events a second, round trips in milliseconds, each with its range over the rounds.
"""

import argparse
import os
import sys
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np

from asking import KafkaAsker
from broker import EmbeddedKafka
from contract import topics
from events import create, fill, fresh, mobile_events, storm
from learning import figure, started, time_learning
from sizes import warm_up
from support.service import LEARNED
from support.waiting import wait_until
from turns import in_turn
from without import WITHOUT

HERE = Path(__file__).parent
LIMIT_SECONDS = 120.0
STORM_RATE = 100_000
AT_SPEED = 20_000  # events of the storm that are learned before anything is timed


class Figures(NamedTuple):
    """Of one service, in one round: events a second, and round trips in milliseconds."""

    learning: float
    idle_p50: float
    idle_p99: float
    storm_p50: float
    storm_p99: float
    learning_in_storm: float


def main() -> None:
    """Measure all, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=150_000)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--only", action="append", choices=WITHOUT, help="these, beside all")
    arguments = parser.parse_args()
    names = ["nothing", *(arguments.only or (name for name in WITHOUT if name != "nothing"))]
    found: dict[str, list[Figures]] = {name: [] for name in names}
    with EmbeddedKafka() as kafka:
        measure(kafka.bootstrap_servers, "nothing", 20_000, 100)  # the broker compiles
        for number in range(arguments.rounds):
            for name in in_turn(names, number, arguments.rounds):
                figures = measure(
                    kafka.bootstrap_servers, name, arguments.events, arguments.questions
                )
                found[name].append(figures)
                print(f"without {name}: {figures}", file=sys.stderr, flush=True)
    print(f"| without | {' | '.join(Figures._fields)} |")
    print("|---|" + "---|" * len(Figures._fields))
    for name, rounds in found.items():
        print(f"| {name} | {' | '.join(map(_cell, zip(*rounds, strict=True)))} |")


def measure(servers: str, without: str, events: int, questions: int) -> Figures:
    """A service's figures, on topics of its own."""
    events_topic, requests, replies = (fresh(it) for it in ("events", "requests", "replies"))
    create(
        servers,
        topics.events(events_topic),
        topics.requests(requests),
        topics.replies(f"prediction-{replies}"),
    )
    fill(servers, events_topic, mobile_events(warm_up(events) + events))
    environment = {
        "REQUESTS_TOPIC": requests,
        "REPLIES_TOPIC": f"prediction-{replies}",
        "PYTHONPATH": os.pathsep.join((str(HERE), str(HERE.parent))),
        "WITHOUT": without,
        "module": "without",
    }
    with (
        started(servers, events_topic, **environment) as service,
        KafkaAsker(servers, requests, f"prediction-{replies}") as asker,
    ):
        seconds, _ = time_learning([service], events, LIMIT_SECONDS)
        wait_until(lambda: service.ready)
        asker.ask(50)
        idle = _percentiles(asker.ask(questions))
        with storm(servers, events_topic, STORM_RATE):
            at_speed = figure(service, LEARNED) + AT_SPEED
            wait_until(lambda: figure(service, LEARNED) > at_speed)
            before, began = figure(service, LEARNED), perf_counter()
            busy = _percentiles(asker.ask(questions))
            learned = (figure(service, LEARNED) - before) / (perf_counter() - began)
    return Figures(events / seconds, *idle, *busy, learned)


def _percentiles(seconds: list[float]) -> tuple[float, float]:
    p50, p99 = np.percentile(seconds, [50, 99]) * 1000
    return float(p50), float(p99)


def _cell(values: tuple[float, ...]) -> str:
    """The median, and from the least to the greatest."""
    digits = 0 if max(values) > 1000 else 2  # noqa: PLR2004 - events, not milliseconds
    middle, low, high = float(np.median(values)), min(values), max(values)
    return f"{middle:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


if __name__ == "__main__":
    main()
