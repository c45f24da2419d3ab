"""The real service learns: started, watched over its metrics, timed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from time import perf_counter, sleep
from urllib.request import urlopen

from events import fresh
from sizes import warm_up
from support.service import LEARNED, Service, running_service

GLANCE_SECONDS = 0.005
"""The shortest time between two looks at the metrics, each of which takes the service 2 ms."""

CALM_SECONDS = 0.2
"""The same, where nothing is timed."""

PROCESSOR = "process_cpu_seconds_total"
TV = 50.0


class ServiceError(Exception):
    """The service did not do what was waited for."""


@dataclass(frozen=True, slots=True)
class Glance:
    """What the metrics of all processes together said at a moment.

    Attributes:
        at: Seconds of a monotonic clock.
        learned: Events.
        processor_seconds: Used so far.
    """

    at: float
    learned: float
    processor_seconds: float


@contextmanager
def started(servers: str, topic: str, **environment: str) -> Iterator[Service]:
    """The service on a topic, under a name that it never had, all features on."""
    defaults = {
        "KAFKA_BOOTSTRAP_SERVERS": servers,
        "EVENTS_TOPIC": topic,
        "APPLICATION_ID": fresh("bench"),
        "FIELDS": "tv,radio,newspaper,sales",
        "FORMULA": "sales ~ tv",
    }
    with running_service(**(defaults | environment)) as service:
        yield service


def time_learning(services: Sequence[Service], events: int, limit: float) -> tuple[float, float]:
    """Learn a warm-up, then so many events: seconds and processor seconds that these took.

    The rate is that between the first look that shows the warm-up learned and the first that shows
    all: up to some milliseconds too low. In between the service is looked at as rarely as possible.

    Raises:
        ServiceError: It died, or has not learned them within the limit.
    """
    deadline = perf_counter() + limit
    total = warm_up(events) + events
    first = _wait(services, warm_up(events), deadline)
    latest = first
    while latest.learned < total:
        elapsed = latest.at - first.at
        gained = latest.learned - first.learned
        left = (total - latest.learned) / gained * elapsed if gained else 0.0
        sleep(min(max(GLANCE_SECONDS, left / 2), 1.0))
        latest = _wait(services, 0, deadline)
        if latest.at > deadline:
            raise _late(services, latest)
    if first.learned > total / 2:
        raise ServiceError("over before it could be timed: take more events")
    share = events / (total - first.learned)
    processor_seconds = latest.processor_seconds - first.processor_seconds
    return (latest.at - first.at) * share, processor_seconds * share


def wait_until_learned(service: Service, total: int, limit: float) -> None:
    """Wait until a process has learned so many events since its start.

    Raises:
        ServiceError: It died, or has not within the limit.
    """
    _wait([service], total, perf_counter() + limit, CALM_SECONDS)


def figure(service: Service, name: str) -> float:
    """A metric; 0 where it is not yet.

    Raises:
        ServiceError: The process has ended; its last words.
    """
    return _figures(service).get(name, 0.0)


def _figures(service: Service) -> dict[str, float]:
    """All metrics in one look."""
    try:
        with urlopen(f"{service.address}/metrics", timeout=5) as page:  # noqa: S310 - our own
            lines = page.read().decode().splitlines()
    except (OSError, HTTPException):
        if service.process.poll() is not None:
            raise ServiceError(f"the service ended: {_last_words(service)}") from None
        return {}
    pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in pairs}


def prediction(service: Service) -> float:
    """At tv = 50, from the coefficients that the service shows."""
    page = _figures(service)
    intercept, slope = (page[f'riverline_coefficient{{term="{t}"}}'] for t in ("Intercept", "tv"))
    return intercept + TV * slope


def _last_words(service: Service) -> str:
    words = service.log.read_text().strip().splitlines()
    return words[-1] if words else "it said nothing"


def _late(services: Sequence[Service], glance: Glance) -> ServiceError:
    words = "; ".join(map(_last_words, services))
    return ServiceError(f"the time was up with {glance.learned:.0f} events learned: {words}")


def _wait(
    services: Sequence[Service], least: int, deadline: float, pause: float = GLANCE_SECONDS
) -> Glance:
    while True:
        glance = _look(services)
        if glance.learned >= least:
            return glance
        if glance.at > deadline:
            raise _late(services, glance)
        sleep(pause)


def _look(services: Sequence[Service]) -> Glance:
    pages = [_figures(service) for service in services]
    at = perf_counter()
    learned, used = (sum(page.get(name, 0.0) for page in pages) for name in (LEARNED, PROCESSOR))
    return Glance(at, learned, used)
