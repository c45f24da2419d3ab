"""The figures as tables: for the terminal and for docs/BENCHMARKS.md, from the same rows."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from rich.console import Group
from rich.table import Table

from contenders import SERVICE
from results import Growth, Machine, Results, RoundTrips, Spread, Throughput, ratios, spread
from roundtrips import ECHO, IDLE


@dataclass(slots=True)
class Sheet:
    """A table.

    Attributes:
        title: What it is about.
        columns: Their names, the first for the rows' names.
        rows: Of as many cells.
        notes: Sentences below.
    """

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def for_terminal(self) -> Group:
        """With rich."""
        table = Table(title=self.title, title_justify="left")
        for number, column in enumerate(self.columns):
            table.add_column(column, justify="right" if number else "left")
        for row in self.rows:
            table.add_row(*row, style="bold cyan" if row[0].startswith(SERVICE) else None)
        return Group(table, *self.notes, "")

    def for_page(self) -> str:
        """As Markdown."""
        lines = [f"### {self.title}", "", _row(self.columns)]
        lines.append("|---" + "|---:" * (len(self.columns) - 1) + "|")
        lines += [
            _row([f"**{cell}**" for cell in row] if row[0].startswith(SERVICE) else row)
            for row in self.rows
        ]
        return "\n".join([*lines, *(f"\n{note}" for note in self.notes)])


def sheets(results: Results) -> Iterator[Sheet]:
    """All tables that there are figures for."""
    if results.throughput is not None:
        yield _throughput(results.throughput)
    if results.round_trips is not None:
        yield _round_trips(results.round_trips)
    if results.growth is not None:
        yield from _growth(results.growth)


def _throughput(found: Throughput) -> Sheet:
    sheet = Sheet(
        f"Learned from Kafka ({found.events:,} events, 4 partitions)",
        ("contender", "events/s", "lowest to highest", "processor us", "riverline is"),
        notes=[
            *_faults(found.faults),
            _provenance(found.when, found.machine),
            ", ".join(f"{name} {version}" for name, version in found.machine.versions.items())
            + ".",
        ],
    )
    ours = found.rates(SERVICE)
    for name in found.runs:
        rate = spread(found.rates(name))
        used = spread(found.processor(name))
        if rate is None or used is None:
            sheet.rows.append((name, "failed", "", "", ""))
            continue
        times = spread(ratios(ours, found.rates(name)))
        reach = f"{rate.low:,.0f} to {rate.high:,.0f}"
        median, processor = f"{rate.median:,.0f}", f"{used.median:.1f}"
        sheet.rows.append((name, median, reach, processor, _times(times)))
    return sheet


def _round_trips(found: RoundTrips) -> Sheet:
    questions = found.questions * max(
        (len(trips.rounds) for servers in found.phases.values() for trips in servers.values()),
        default=0,
    )
    sheet = Sheet(
        f"Round trips ({questions:,} questions each, one after the other)",
        ("server", "p50 ms", "p99 ms", "p50 by the idle bare echo's"),
        notes=[*_faults(found.faults), _provenance(found.when, found.machine)],
    )
    sent, learned = spread(found.sent), spread(found.learned)
    if sent is not None and learned is not None:
        sheet.notes.insert(
            0,
            f"In the storm {sent.median:,.0f} events a second were sent, and the service learned "
            f"{learned.median:,.0f} a second.",
        )
    bare = found.phases.get(IDLE, {}).get(ECHO)
    for phase, servers in found.phases.items():
        for name, trips in servers.items():
            p50 = [quantiles.p50 for quantiles in trips.rounds]
            least = [quantiles.p50 for quantiles in bare.rounds] if bare else []
            sheet.rows.append(
                (
                    f"{name}, {phase}",
                    f"{trips.together.p50:.2f}",
                    f"{trips.together.p99:.2f}",
                    _times(spread(ratios(p50, least))),
                )
            )
    return sheet


def _growth(found: Growth) -> Iterator[Sheet]:
    fields = Sheet(
        f"Fields ({found.field_events:,} events)",
        ("fields beside the target", "us an event", "by that of the fewest"),
        notes=_faults(found.faults),
    )
    fewest = next(iter(found.fields.values()), [])
    for count, cost in found.fields.items():
        fields.rows.append((str(count), _reach(spread(cost)), _times(spread(ratios(cost, fewest)))))
    yield fields
    processes = Sheet(
        f"Processes ({found.process_events:,} events, 4 partitions)",
        ("processes", "events/s together", "by that of one"),
    )
    one = next(iter(found.processes.values()), [])
    for count, rate in found.processes.items():
        cells = (_reach(spread(rate), ",.0f"), _times(spread(ratios(rate, one))))
        processes.rows.append((str(count), *cells))
    yield processes
    catch_up = Sheet("A start after a long stop", ("events behind", "ready, s", "caught up, s"))
    for start in found.catch_up:
        seconds = (f"{start.ready_seconds:.1f}", f"{start.caught_up_seconds:.1f}")
        catch_up.rows.append((f"{start.backlog:,}", *seconds))
    yield catch_up
    memory = Sheet("Memory", ("events learned", "resident MB"))
    memory.rows += [(f"{at.events:,}", f"{at.resident_mb:.0f}") for at in found.memory]
    memory.notes.append(_provenance(found.when, found.machine))
    yield memory


def _provenance(when: str, machine: Machine) -> str:
    return (
        f"{when}: {machine.cores} x {machine.cpu}, {machine.memory_gb:g} GiB, {machine.system}, "
        f"Python {machine.python}, Kafka {machine.kafka}, "
        f"commit {machine.commit or 'unknown'}; load {machine.load:g} when it began."
    )


def _faults(faults: dict[str, str]) -> list[str]:
    return [f"{name} failed: {reason}." for name, reason in faults.items()]


def _times(found: Spread | None) -> str:
    return "" if found is None else f"{found.median:.2f} x ({found.low:.2f} to {found.high:.2f})"


def _reach(found: Spread | None, style: str = ".1f") -> str:
    if found is None:
        return "failed"
    return f"{found.median:{style}} ({found.low:{style}} to {found.high:{style}})"


def _row(cells: list[str] | tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"
