"""Part (e): what more fields, more processes, a longer stop and more events cost the service."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import pairwise
from subprocess import TimeoutExpired
from time import monotonic, sleep

from confluent_kafka import KafkaException

from contract import topics
from events import create, fill, fresh, gated, mobile_events, wide_events
from learning import ServiceError, figure, started, time_learning, wait_until_learned
from machine import machine, today
from results import CatchUp, Growth, Memory
from sizes import Sizes, warm_up
from support.service import LEARNED, Service
from turns import in_turn

LIMIT_SECONDS = 300.0
GLANCE_SECONDS = 0.02
LEARNED_BEFORE = 10_000
ASSIGNED = "riverline_assigned_partitions"
RESIDENT = "process_resident_memory_bytes"

Say = Callable[[str], None]


def measure(servers: str, sizes: Sizes, say: Say) -> Growth:
    """All of it."""
    found = Growth(
        when=today(),
        machine=machine(),
        field_events=sizes.field_events,
        fields={fields: [] for fields in sizes.fields},
        process_events=sizes.process_events,
        processes={count: [] for count in sizes.processes},
        catch_up=[],
        memory=[],
        faults={},
    )
    _fields(servers, sizes, found, say)
    _processes(servers, sizes, found, say)
    with _noting("catch-up", found, say):
        _catch_up(servers, sizes, found, say)
    with _noting("memory", found, say):
        _memory(servers, sizes, found, say)
    return found


@contextmanager
def _noting(what: str, found: Growth, say: Say) -> Iterator[None]:
    """What fails is noted, and the rest goes on."""
    try:
        yield
    except (ServiceError, KafkaException, TimeoutError, TimeoutExpired) as error:
        found.faults[what] = str(error)
        say(f"{what}: {error}")


def _fields(servers: str, sizes: Sizes, found: Growth, say: Say) -> None:
    """Microseconds an event, with all fields in the formula."""
    filled = {}
    for fields in sizes.fields:
        filled[fields] = fresh(f"events-{fields}")
        create(servers, topics.events(filled[fields]))
        fill(
            servers,
            filled[fields],
            wide_events(warm_up(sizes.field_events) + sizes.field_events, fields),
        )
    for number in range(sizes.rounds):
        for fields in in_turn(sizes.fields, number, sizes.rounds):
            seconds = None
            with _noting(f"{fields} fields", found, say):
                seconds = _learn_fields(servers, filled[fields], fields, sizes.field_events)
                say(f"{fields} fields: {seconds / sizes.field_events * 1e6:.1f} us an event")
            found.fields[fields].append(seconds and seconds / sizes.field_events * 1e6)


def _learn_fields(servers: str, topic: str, fields: int, events: int) -> float:
    names = [f"x{number}" for number in range(1, fields + 1)]
    spec = {"FIELDS": ",".join([*names, "y"]), "FORMULA": f"y ~ {' + '.join(names)}"}
    with started(servers, topic, **spec) as service:
        return time_learning([service], events, LIMIT_SECONDS)[0]


def _processes(servers: str, sizes: Sizes, found: Growth, say: Say) -> None:
    """Events a second of all processes together, each of which has its partitions before."""
    for number in range(sizes.rounds):
        for count in in_turn(sizes.processes, number, sizes.rounds):
            rate = None
            with _noting(f"{count} processes", found, say):
                rate = _share(servers, count, sizes.process_events)
                say(f"{count} processes: {rate:,.0f} events/s")
            found.processes[count].append(rate)


def _share(servers: str, count: int, events: int) -> float:
    topic, application = fresh("events"), fresh("bench")
    create(servers, topics.events(topic))
    with ExitStack() as stack:
        open_gate = stack.enter_context(
            gated(servers, topic, mobile_events(warm_up(events) + events))
        )
        services = [
            stack.enter_context(started(servers, topic, APPLICATION_ID=application))
            for _ in range(count)
        ]
        _wait_until_shared(services)
        open_gate()
        return events / time_learning(services, events, LIMIT_SECONDS)[0]


def _wait_until_shared(services: list[Service]) -> None:
    """Each has a partition, and together they have all."""
    deadline = monotonic() + LIMIT_SECONDS
    while True:
        assigned = [figure(service, ASSIGNED) for service in services]
        if min(assigned) >= 1 and sum(assigned) == topics.PARTITION_COUNT:
            return
        if monotonic() > deadline:
            raise ServiceError(f"partitions assigned: {assigned}")
        sleep(0.2)


def _catch_up(servers: str, sizes: Sizes, found: Growth, say: Say) -> None:
    """Stopped in order, events come, started again: until ready, until all is learned."""
    topic = fresh("events")
    create(servers, topics.events(topic))
    fill(servers, topic, mobile_events(LEARNED_BEFORE))
    same = {"APPLICATION_ID": fresh("bench"), "INSTANCE_ID": "bench"}
    with started(servers, topic, **same) as service:
        wait_until_learned(service, LEARNED_BEFORE, LIMIT_SECONDS)
        service.stop()
    for backlog in sizes.backlogs:
        fill(servers, topic, mobile_events(backlog))
        began = monotonic()
        with started(servers, topic, **same) as service:
            ready = _wait(lambda: service.ready, service) - began
            done = _wait(partial(_has_learned, service, backlog), service) - began
            service.stop()
        found.catch_up.append(CatchUp(backlog=backlog, ready_seconds=ready, caught_up_seconds=done))
        say(f"{backlog:,} events behind: ready in {ready:.1f} s, caught up in {done:.1f} s")


def _has_learned(service: Service, count: int) -> bool:
    return figure(service, LEARNED) >= count


def _wait(condition: Callable[[], bool], service: Service) -> float:
    """When it came about."""
    deadline = monotonic() + LIMIT_SECONDS
    while not condition():
        if monotonic() > deadline or service.process.poll() is not None:
            raise ServiceError("not ready or caught up in time")
        sleep(GLANCE_SECONDS)
    return monotonic()


def _memory(servers: str, sizes: Sizes, found: Growth, say: Say) -> None:
    """One process, more and more events."""
    topic = fresh("events")
    create(servers, topics.events(topic))
    with started(servers, topic) as service:
        for before, events in pairwise((0, *sizes.memory)):
            fill(servers, topic, mobile_events(events - before))
            wait_until_learned(service, events, LIMIT_SECONDS)
            resident = figure(service, RESIDENT) / 1e6
            found.memory.append(Memory(events=events, resident_mb=resident))
            say(f"{events:,} events: {resident:.0f} MB")
