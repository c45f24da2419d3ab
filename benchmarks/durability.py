"""Part (g): what durability costs, and what it buys.

How long a service with many events behind it takes from its start to being ready, beside how long
reading them all again takes; what checkpoints at the default interval cost the learning, and the
predictions under a steady stream, beside practically none. Rounds with and without take turns, so
that what else the machine does falls on both.
"""

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter

import numpy as np

from contract.environment import Environment
from events import fresh
from producer import PredictionClient
from sizes import Sizes
from support.events import send_simulated, simulated
from support.service import LEARNED, Service, running_service
from support.waiting import wait_until

MODEL = "riverline_model_events"
PROCESSOR = "process_cpu_seconds_total"
SETTINGS = {"with": "1000", "without": "3600000"}
"""CHECKPOINT_INTERVAL_MS: the default, and an hour, the longest that may be set."""

RATE = 5000  # events a second while predictions are timed
PATIENCE_SECONDS = 600.0
SEED = ("--seed", "5")

Names = dict[str, str]
Say = Callable[[str], None]


def measure(servers: str, sizes: Sizes, say: Say) -> bool:
    """All of it; whether what was promised is held."""
    kafka = {"KAFKA_BOOTSTRAP_SERVERS": servers}
    kept = [
        restarting(kafka, sizes.restart_events, say),
        learning(kafka, sizes.events, sizes.rounds, say),
        answering(kafka, sizes.rounds, sizes.questions, say),
    ]
    return all(kept)


def restarting(kafka: Names, events: int, say: Say) -> bool:
    """From start to ready with all events behind it, beside reading them all again."""
    names = kafka | {"EVENTS_TOPIC": fresh("events"), "APPLICATION_ID": fresh("bench")}
    create(names)
    send_simulated(names, events, *SEED)
    replayed = seconds_to_ready(names, events)
    restarts = [seconds_to_ready(names, events) for _ in range(5)]
    restarted = median(restarts)
    imports = median(seconds_to_import() for _ in range(5))
    say(
        f"{events} events: read again and ready in {replayed:.1f} s; restarted and ready in "
        f"{restarted:.2f} s ({', '.join(f'{s:.2f}' for s in restarts)}): "
        f"1/{replayed / restarted:.0f} of it; {imports:.2f} s are Python's start and imports, "
        f"without them 1/{(replayed - imports) / (restarted - imports):.0f}"
    )
    return restarted < replayed / 20 and min(restarts) < 3  # noqa: PLR2004 - as promised


def seconds_to_ready(names: Names, events: int) -> float:
    """From the start of the process until it is ready and the model rests on all events."""
    started = perf_counter()
    with running_service(**names) as service:
        wait_until(
            lambda: service.ready and service.metric(MODEL) == events,
            PATIENCE_SECONDS,
        )
        took = perf_counter() - started
        if service.stop() != 0:
            raise RuntimeError(service.log.read_text())
    return took


def seconds_to_import() -> float:
    """What any start of the service takes before its first line runs."""
    started = perf_counter()
    help_only = [sys.executable, "-m", "consumer", "--help"]
    subprocess.run(help_only, check=True, stdout=subprocess.DEVNULL)
    return perf_counter() - started


@dataclass(frozen=True, slots=True)
class Round:
    """One service learning a topic from its beginning.

    Attributes:
        rate: Events a second of the clock.
        processor_seconds: A million events take, of the processor.
    """

    rate: float
    processor_seconds: float


def learning(kafka: Names, events: int, rounds: int, say: Say) -> bool:
    """Throughput with checkpoints and without, rounds in turn."""
    topic = kafka | {"EVENTS_TOPIC": fresh("events")}
    create(topic | {"APPLICATION_ID": fresh("bench")})
    send_simulated(topic, events, *SEED)
    found: dict[str, list[Round]] = {name: [] for name in SETTINGS}
    for number in range(rounds):
        for name in alternated(number):
            own = {"APPLICATION_ID": fresh("bench")}
            found[name].append(learn(topic | own | interval(name), events))
    for name, done in found.items():
        rates = ", ".join(f"{round_.rate:.0f}" for round_ in done)
        say(f"learning {name} checkpoints: {rates} events/s")
    pairs = list(zip(found["with"], found["without"], strict=True))
    slower = median(1 - one.rate / other.rate for one, other in pairs)
    costlier = median(one.processor_seconds / other.processor_seconds - 1 for one, other in pairs)
    say(
        f"checkpoints cost learning {slower:+.1%} of its throughput and {costlier:+.1%} processor "
        f"time (medians of {rounds} pairs)"
    )
    return min(slower, costlier) < 0.03  # noqa: PLR2004 - as promised


def learn(names: Names, events: int) -> Round:
    """Time a service between the first events that it learned and the last."""
    with running_service(**names) as service:
        wait_until(lambda: service.status("/livez") != 0, PATIENCE_SECONDS)
        wait_until(lambda: service.metric(LEARNED) > events / 20, PATIENCE_SECONDS)
        started, first, used = perf_counter(), service.metric(LEARNED), service.metric(PROCESSOR)
        wait_until(lambda: service.metric(LEARNED) == events, PATIENCE_SECONDS)
        took, learned = perf_counter() - started, events - first
        used = service.metric(PROCESSOR) - used
    return Round(learned / took, 1e6 * used / learned)


def answering(kafka: Names, rounds: int, questions: int, say: Say) -> bool:
    """Round trips of predictions under a steady stream, with checkpoints and without."""
    found: dict[str, list[float]] = {name: [] for name in SETTINGS}
    for number in range(rounds):
        for name in alternated(number):
            own = {"EVENTS_TOPIC": fresh("events"), "APPLICATION_ID": fresh("bench")}
            names = kafka | own | interval(name)
            with running_service(**names) as service:
                found[name] += ask(service, names, questions)
    p99 = {name: float(np.percentile(times, 99)) * 1000 for name, times in found.items()}
    for name, times in found.items():
        p50 = np.percentile(times, 50) * 1000
        say(
            f"predictions {name} checkpoints at {RATE} events/s, {len(times)} of them: "
            f"p50 {p50:.2f} ms, p99 {p99[name]:.2f} ms"
        )
    say(f"p99 with checkpoints is {p99['with'] / p99['without']:.2f} times that without")
    return p99["with"] <= 1.3 * p99["without"]


def ask(service: Service, names: Names, questions: int) -> list[float]:
    """Ask one after another while events stream; the seconds that each took."""
    wait_until(lambda: service.ready)
    times = []
    with simulated(names, 100 * RATE, *SEED, "--rate", str(RATE)):
        wait_until(lambda: service.metric(LEARNED) > RATE)
        with PredictionClient(
            Environment(kafka_bootstrap_servers=(names["KAFKA_BOOTSTRAP_SERVERS"],))
        ) as client:
            for number in range(questions + 50):
                started = perf_counter()
                client.predict(tv=float(number))
                times.append(perf_counter() - started)
    return times[50:]  # the first ones find caches cold


def alternated(number: int) -> Sequence[str]:
    """With and without, in the order of this round: neither always comes first."""
    return list(SETTINGS) if number % 2 else list(reversed(SETTINGS))


def interval(name: str) -> dict[str, str]:
    """The environment with checkpoints or without."""
    return {"CHECKPOINT_INTERVAL_MS": SETTINGS[name]}


def create(names: Names) -> None:
    """A service that starts makes the topics."""
    with running_service(**names) as service:
        wait_until(lambda: service.ready)
        service.stop()
