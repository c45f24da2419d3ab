"""The targets (issue 6) beside the measured ratios of medians."""

from collections.abc import Iterator
from dataclasses import dataclass

from contenders import CONTENDERS, MEMORY, SERVICE
from results import Growth, Results, RoundTrips, Throughput, ratio_of_medians, spread
from roundtrips import ECHO, IDLE, STORM
from tables import Sheet

MEMORY_NOISE = 1.1
"""Two readings of a process's resident memory differ by as much without growing."""


@dataclass(frozen=True, slots=True)
class Target:
    """A target.

    Attributes:
        promise: In words.
        limit: The figure that it names.
        found: The figure that was measured; None where it could not be.
        at_least: Whether the limit is a minimum, or a maximum.
    """

    promise: str
    limit: float
    found: float | None
    at_least: bool

    @property
    def verdict(self) -> str:
        """Whether the target is met."""
        if self.found is None:
            return ""
        kept = self.found >= self.limit if self.at_least else self.found <= self.limit
        return "held" if kept else "MISSED"


def targets(results: Results) -> list[Target]:
    """The targets that the figures cover."""
    found: list[Target] = []
    if results.throughput is not None:
        found += _throughput(results.throughput)
    if results.round_trips is not None:
        found += _round_trips(results.round_trips)
    if results.growth is not None:
        found += _growth(results.growth)
    return found


def sheet(results: Results) -> Sheet:
    """The targets as a table."""
    made = Sheet("Targets (ratios of medians)", ("promise", "due", "found", ""))
    for target in targets(results):
        due = f"{'at least' if target.at_least else 'at most'} {target.limit:g}"
        found = "not measured" if target.found is None else f"{target.found:.2f}"
        made.rows.append((target.promise, due, found, target.verdict))
    return made


def _throughput(found: Throughput) -> Iterator[Target]:
    ours = found.rates(SERVICE)
    medians = {
        contender.name: rate.median
        for contender in CONTENDERS
        if contender.part == "c" and (rate := spread(found.rates(contender.name))) is not None
    }
    if medians:
        fastest = max(medians, key=lambda name: medians[name])
        ratio = ratio_of_medians(ours, found.rates(fastest))
        yield Target(f"events/s by the fastest peer's ({fastest})", 1.1, ratio, at_least=True)
    if MEMORY in found.runs:
        ratio = ratio_of_medians(ours, found.rates(MEMORY))
        yield Target("events/s by the in-memory limit's", 1.0, ratio, at_least=True)


def _round_trips(found: RoundTrips) -> Iterator[Target]:
    idle, storm = (found.phases.get(phase, {}) for phase in (IDLE, STORM))
    if ECHO not in idle or SERVICE not in idle or SERVICE not in storm:
        return
    least = idle[ECHO].together.p50
    ratio = storm[SERVICE].together.p50 / least
    yield Target("p50 under the storm by the idle bare echo's", 5.0, ratio, at_least=False)
    p99 = storm[SERVICE].together.p99
    yield Target("p99 under the storm, ms", 25.0, p99, at_least=False)
    ratio = idle[SERVICE].together.p50 / least
    yield Target("p50 idle by the idle bare echo's", 2.5, ratio, at_least=False)


def _growth(found: Growth) -> Iterator[Target]:
    if {1, 16} <= found.fields.keys():
        ratio = ratio_of_medians(found.fields[16], found.fields[1])
        yield Target("an event's cost, 16 fields by 1", 4.0, ratio, at_least=False)
    if found.memory:
        growth = found.memory[-1].resident_mb / found.memory[0].resident_mb
        events = f"{found.memory[-1].events:,} events by {found.memory[0].events:,}"
        yield Target(f"memory, {events}", MEMORY_NOISE, growth, at_least=False)
    if {1, 2} <= found.processes.keys():
        ratio = ratio_of_medians(found.processes[2], found.processes[1])
        yield Target("events/s, 2 processes by 1", 1.3, ratio, at_least=True)
