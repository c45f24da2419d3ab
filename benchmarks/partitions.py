"""Part (h): what more partitions cost one instance, everything as a ratio to the fewest.

For each number of partitions: events a second from a full topic; then, under a steady stream, the
processor, round trips of predictions and of `train`, the changelog's bytes and the gaps between
the snapshots of a partition, and what a process pays that does nothing but follow them; and how
long a restart takes with many events behind it.
"""

from collections import defaultdict
from collections.abc import Callable
from operator import truediv
from statistics import median
from time import perf_counter

from events import fill, mobile_events
from learning import started, time_learning
from sizes import Sizes, warm_up
from steady import LIMIT_SECONDS, Steady, environment, milliseconds, stream, told, topic
from support.service import LEARNED, running_service
from support.waiting import wait_until
from turns import in_turn

RESTARTS = 3
PROMISES = ((0.9, 1.5, 1.5), (0.75, 2.5, 2.0))
"""For 64 and 256 partitions by 4: events/s at least; processor and p99 of predictions at most."""

Say = Callable[[str], None]


def measure(servers: str, sizes: Sizes, say: Say) -> bool:
    """All of it; whether what was promised is held."""
    rates: dict[int, list[float]] = defaultdict(list)
    steady: dict[int, list[Steady]] = defaultdict(list)
    filled = {}
    for count in sizes.partitions:
        filled[count] = topic(servers, count)
        values = mobile_events(warm_up(sizes.partition_events) + sizes.partition_events)
        fill(servers, filled[count], values, count)
    for number in range(sizes.rounds):
        for count in in_turn(sizes.partitions, number, sizes.rounds):
            with started(servers, filled[count]) as service:
                seconds, used = time_learning([service], sizes.partition_events, LIMIT_SECONDS)
            rates[count].append(sizes.partition_events / seconds)
            say(
                f"{count} partitions: {rates[count][-1]:,.0f} events/s, "
                f"{used / sizes.partition_events * 1e6:.1f} us of the processor an event"
            )
            steady[count].append(stream(servers, count, sizes.steady_seconds))
            say(f"{count} partitions: {told(steady[count][-1])}")
    restarts = [restarting(servers, count, sizes.restart_events, say) for count in sizes.partitions]
    return all([promised(rates, steady, say), restarts[-1] < 4])  # noqa: PLR2004 - as promised


def restarting(servers: str, partitions: int, events: int, say: Say) -> float:
    """Seconds from the start to ready, with these events learned; the median of some restarts."""
    names = environment(servers, partitions)
    fill(servers, names["EVENTS_TOPIC"], mobile_events(events), partitions)
    with running_service(**names) as service:
        wait_until(lambda: service.ready, LIMIT_SECONDS)
        wait_until(lambda: service.metric(LEARNED) == events, LIMIT_SECONDS)
        service.stop()
    found, again = [], 0.0
    for _ in range(RESTARTS):
        began = perf_counter()
        with running_service(**names) as service:
            wait_until(lambda: service.ready, LIMIT_SECONDS)
            found.append(perf_counter() - began)
            again += service.metric("riverline_restore_replayed_events_total")
            service.stop()
    say(
        f"{partitions} partitions, {events:,} events behind: ready in {median(found):.2f} s "
        f"({', '.join(f'{s:.2f}' for s in found)}); read again: {again:.0f} events"
    )
    return median(found)


def promised(rates: dict[int, list[float]], steady: dict[int, list[Steady]], say: Say) -> bool:
    """Ratios to the fewest partitions, the median of the rounds, and whether they are held."""
    fewest, *more = rates
    held = True
    for count, (least, processor, slower) in zip(more, PROMISES, strict=False):
        pairs = list(zip(steady[count], steady[fewest], strict=True))
        found = (
            ("events/s", median(map(truediv, rates[count], rates[fewest])), least, False),
            ("processor", median(a.processor / b.processor for a, b in pairs), processor, True),
            (
                "p99 of predictions",
                median(
                    milliseconds(a.predicted, 99) / milliseconds(b.predicted, 99) for a, b in pairs
                ),
                slower,
                True,
            ),
        )
        for name, value, limit, at_most in found:
            kept = value <= limit if at_most else value >= limit
            held &= kept
            say(
                f"{count} partitions by {fewest}: {name} {value:.2f} "
                f"({'at most' if at_most else 'at least'} {limit}: {'held' if kept else 'MISSED'})"
            )
    return held
