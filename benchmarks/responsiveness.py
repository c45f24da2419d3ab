"""How prompt are answers while events stream at full speed?

    python benchmarks/responsiveness.py [--events 200000] [--questions 200]

Starts an embedded Kafka and a consumer, sends simulated events as fast as they go from a process of
its own, and asks meanwhile, one question after the other, through the importable client. Prints the
round trips' percentiles, whether every event was learned, the lag, and the consumer's memory.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from time import perf_counter

import numpy as np

from broker import EmbeddedKafka
from producer import PredictionClient
from support.service import LEARNED, Service, running_service
from support.waiting import wait_until

WARM_UP = 500  # events


def main() -> int:
    """Measure; 0 if every event was learned."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--questions", type=int, default=200)
    arguments = parser.parse_args()
    with EmbeddedKafka() as kafka:
        os.environ["KAFKA_BOOTSTRAP_SERVERS"] = kafka.bootstrap_servers
        with running_service() as service, PredictionClient() as client:
            wait_until(lambda: service.ready, 60)
            _send(WARM_UP)
            wait_until(lambda: service.metric(LEARNED) == WARM_UP, 60)
            idle = _ask(client, arguments.questions, lambda: True)
            storm = subprocess.Popen(_sending(arguments.events), stderr=subprocess.DEVNULL)
            wait_until(lambda: service.metric(LEARNED) > 10 * WARM_UP, 60)
            busy = _ask(client, arguments.questions, lambda: storm.poll() is None)
            storm.wait()
            return _report(service, arguments.events + WARM_UP, idle, busy)


def _report(service: Service, total: int, idle: list[float], busy: list[float]) -> int:
    wait_until(lambda: service.metric(LEARNED) >= total, 120)
    wait_until(lambda: service.metric("riverline_events_behind") == 0, 30)
    for name, times in (("idle", idle), ("under the storm", busy)):
        p50, p99 = np.percentile(times, [50, 99]) * 1000
        print(f"{name}: {len(times)} questions, p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    resident = service.metric("process_resident_memory_bytes") / 1e6
    print(f"learned {service.metric(LEARNED):.0f} of {total}, lag 0, resident {resident:.0f} MB")
    return 0 if service.metric(LEARNED) == total else 1


def _sending(count: int) -> list[str]:
    return [sys.executable, "-m", "producer", "simulate", "--count", str(count), "--seed", "2"]


def _send(count: int) -> None:
    subprocess.run(_sending(count), check=True, stderr=subprocess.DEVNULL)


def _ask(client: PredictionClient, count: int, going: Callable[[], bool]) -> list[float]:
    times = []
    for number in range(count):
        started = perf_counter()
        client.predict(tv=float(number))
        times.append(perf_counter() - started)
        if not going():
            print(f"the storm ended after {number + 1} questions; send more events")
            break
    return times


if __name__ == "__main__":
    sys.exit(main())
