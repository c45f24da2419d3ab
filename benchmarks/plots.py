"""Which plots there are, and what stands in them."""

from collections.abc import Iterator
from pathlib import Path

from contenders import MEMORY, SERVICE
from results import Growth, Results, Rounds, RoundTrips, Throughput, spread
from svg import Bar, Line, bars, lines

EXACT, OTHER, LIMIT = 0, 1, 2  # colours


def write_plots(results: Results, folder: Path) -> None:
    """All plots that there are figures for."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in _plots(results):
        (folder / f"{name}.svg").write_text(text)


def _plots(results: Results) -> Iterator[tuple[str, str]]:
    if results.throughput is not None:
        yield from _throughput(results.throughput)
    if results.round_trips is not None:
        yield from _round_trips(results.round_trips)
    if results.growth is not None:
        yield from _growth(results.growth)


def _throughput(found: Throughput) -> Iterator[tuple[str, str]]:
    rows = []
    for name in found.runs:
        rate = spread(found.rates(name))
        if rate is not None:
            colour = {SERVICE: EXACT, MEMORY: LIMIT}.get(name, OTHER)
            rows.append(Bar(name, rate.median, rate.low, rate.high, f"{rate.median:,.0f}", colour))
    rows.sort(key=lambda row: -row.value)
    note = (
        f"Events a second, {found.events:,} events in 4 partitions: the median of the rounds, "
        "and their reach"
    )
    if rows:
        yield "throughput", bars("Events learned from Kafka", note, rows)


def _round_trips(found: RoundTrips) -> Iterator[tuple[str, str]]:
    rows = [
        Bar(
            f"{name}, {phase}",
            trips.together.p50,
            trips.together.p50,
            trips.together.p99,
            f"{trips.together.p50:.1f} / {trips.together.p99:.1f} ms",
            EXACT if name == SERVICE else OTHER,
        )
        for phase, servers in found.phases.items()
        for name, trips in servers.items()
    ]
    if rows:
        note = "Milliseconds: the bar is the median (p50), the line reaches to p99"
        yield "roundtrips", bars("Round trip of a question", note, rows)


def _growth(found: Growth) -> Iterator[tuple[str, str]]:
    if line := _line("microseconds", found.fields):
        note = f"The service, {found.field_events:,} events, all fields in the formula"
        axes = ("fields beside the target", "microseconds an event")
        yield "fields", lines("More fields", note, axes, [line])
    if line := _line("events/s", found.processes):
        note = f"{found.process_events:,} events in 4 partitions; the machine has few cores"
        axes = ("processes", "events a second, together")
        yield "processes", lines("More processes", note, axes, [line])
    if found.catch_up:
        note = "Seconds from the start of the process, by the events that came while it was stopped"
        done = [(at.backlog, at.caught_up_seconds) for at in found.catch_up]
        ready = [(at.backlog, at.ready_seconds) for at in found.catch_up]
        drawn = [Line("caught up", done), Line("ready", ready, colour=1)]
        axes = ("events behind", "seconds")
        yield "catch-up", lines("A start after a long stop", note, axes, drawn)
    if found.memory:
        points = [(at.events, at.resident_mb) for at in found.memory]
        note = "Resident memory of the process after so many events"
        axes = ("events learned", "MB")
        yield "memory", lines("Memory", note, axes, [Line("resident", points)])


def _line(name: str, figures: dict[int, Rounds]) -> Line | None:
    spreads = {x: spread(rounds) for x, rounds in figures.items()}
    there = {x: found for x, found in spreads.items() if found is not None}
    if not there:
        return None
    points = [(float(x), found.median) for x, found in there.items()]
    return Line(name, points, [(found.low, found.high) for found in there.values()])
