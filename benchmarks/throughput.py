"""Parts (a), (b) and (c): the same events, learned by everybody, in interleaved rounds.

All read one topic of 4 partitions that was filled before, each in a process of its own and a fresh
group. The time runs from the end of the warm-up, a tenth of the events, to the last event learned.
"""

from collections.abc import Callable, Collection, Iterator

from contenders import CONTENDERS, MEMORY, SERVICE, Contender, run
from contract import topics
from events import create, fill, fresh, large_events, mobile_events
from machine import machine, today
from programs import ContenderError
from results import Run, Throughput, ratios, spread
from sizes import Sizes, warm_up
from turns import in_turn

SLOWEST = 3_000.0  # events a second: a slower contender is stopped
START_SECONDS = 60.0
TRIES = 2
TOLERANCE = 1e-6
LARGE_TIMES = 1.2
"""What is promised of large events, by the fastest peer."""

Say = Callable[[str], None]


def measure(
    servers: str,
    sizes: Sizes,
    parts: Collection[str],
    say: Say,
    values: Callable[[int], Iterator[bytes]] = mobile_events,
) -> Throughput:
    """All rounds of those contenders that are in these parts."""
    topic = fresh("events")
    create(servers, topics.events(topic))
    fill(servers, topic, values(warm_up(sizes.events) + sizes.events))
    contenders = [contender for contender in CONTENDERS if contender.part in parts]
    found = Throughput(
        when=today(),
        machine=machine(),
        events=sizes.events,
        runs={contender.name: [] for contender in contenders},
        faults={},
    )
    failures = dict.fromkeys(found.runs, 0)
    for number in range(sizes.rounds):
        for contender in in_turn(contenders, number, sizes.rounds):
            name = contender.name
            done = None
            if failures[name] < TRIES:
                done = _try(contender, servers, topic, found, say)
                failures[name] += done is None
            found.runs[name].append(done)
    _compare(found)
    return found


def measure_large(servers: str, sizes: Sizes, say: Say) -> bool:
    """Part (i): the same with large events; whether what was promised is held."""
    found = measure(servers, sizes, {"a", "b", "c"}, say, large_events)
    ours, fastest = found.rates(SERVICE), 0.0
    for name in found.runs:
        times = spread(ratios(ours, found.rates(name)))
        if times is None:
            say(f"{name}: failed")
            continue
        say(f"{name}: riverline is {times.median:.2f} x ({times.low:.2f} to {times.high:.2f})")
        if name not in (SERVICE, MEMORY):
            fastest = max(fastest, 1 / times.median)
    say(f"the fastest peer: {1 / fastest:.2f} x (at least {LARGE_TIMES})" if fastest else "no peer")
    return not found.faults and 0 < fastest <= 1 / LARGE_TIMES


def _try(contender: Contender, servers: str, topic: str, found: Throughput, say: Say) -> Run | None:
    limit = START_SECONDS + found.events / SLOWEST
    try:
        done = run(contender, servers, topic, found.events, limit)
    except ContenderError as error:
        found.faults[contender.name] = str(error)
        say(f"{contender.name}: {error}")
        return None
    say(f"{contender.name}: {found.events / done.seconds:,.0f} events/s")
    return done


def _compare(found: Throughput) -> None:
    """Fail unless all have learned the same."""
    predictions = {
        name: run.prediction for name, runs in found.runs.items() for run in runs if run is not None
    }
    if not predictions:
        return
    agreed = sorted(predictions.values())[len(predictions) // 2]
    for name, prediction in predictions.items():
        if abs(prediction - agreed) > TOLERANCE:
            found.faults[name] = f"learned something else: {prediction}, the others {agreed}"
