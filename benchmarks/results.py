"""What a run of the benchmark finds out: figures as measured, a document that JSON carries."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel

Rounds = list[float | None]
"""A figure of every round; None where it could not be had."""


class Machine(BaseModel):
    """Where and with what it was measured."""

    cpu: str
    cores: int
    memory_gb: float
    system: str
    python: str
    kafka: str
    commit: str
    load: float
    versions: dict[str, str]


class Run(BaseModel):
    """A contender learned all events once.

    Attributes:
        seconds: From the end of the warm-up to the last event learned.
        processor_seconds: What all its threads used meanwhile.
        prediction: At tv = 50, in the end: all do the same work if all say the same.
    """

    seconds: float
    processor_seconds: float
    prediction: float


class Throughput(BaseModel):
    """Parts (a), (b) and (c): runs by contender, one a round."""

    when: str
    machine: Machine
    events: int
    runs: dict[str, list[Run | None]]
    faults: dict[str, str]

    def rates(self, name: str) -> Rounds:
        """Events a second of a contender, by round."""
        runs = self.runs.get(name, [])
        return [None if run is None else self.events / run.seconds for run in runs]

    def processor(self, name: str) -> Rounds:
        """Microseconds of processor time an event, by round."""
        runs = self.runs.get(name, [])
        return [None if run is None else run.processor_seconds / self.events * 1e6 for run in runs]


class Quantiles(BaseModel):
    """Of round trips, in milliseconds."""

    p50: float
    p99: float


class Trips(BaseModel):
    """The round trips to one server in one phase: those of each round, and of all together."""

    rounds: list[Quantiles]
    together: Quantiles


class RoundTrips(BaseModel):
    """Part (d).

    Attributes:
        questions: To each server in each round.
        phases: Idle or under the storm, then the servers' names.
        sent: Events a second during the storm, by round.
        learned: The same, of the service.
    """

    when: str
    machine: Machine
    questions: int
    phases: dict[str, dict[str, Trips]]
    sent: list[float]
    learned: list[float]
    faults: dict[str, str]


class CatchUp(BaseModel):
    """A start after a long stop: seconds from the start of the process."""

    backlog: int
    ready_seconds: float
    caught_up_seconds: float


class Memory(BaseModel):
    """What the process holds after so many events."""

    events: int
    resident_mb: float


class Growth(BaseModel):
    """Part (e).

    Attributes:
        field_events: How many events of each number of fields.
        fields: Microseconds an event, by the number of fields beside the target.
        process_events: How many events the processes shared.
        processes: Events a second, by the number of processes.
    """

    when: str
    machine: Machine
    field_events: int
    fields: dict[int, Rounds]
    process_events: int
    processes: dict[int, Rounds]
    catch_up: list[CatchUp]
    memory: list[Memory]
    faults: dict[str, str]


class Results(BaseModel):
    """All parts; each the last time that it was run."""

    throughput: Throughput | None = None
    round_trips: RoundTrips | None = None
    growth: Growth | None = None

    @classmethod
    def read(cls, path: Path) -> "Results":
        """What an earlier run has left, if one has."""
        return cls.model_validate_json(path.read_bytes()) if path.exists() else cls()

    def write(self, path: Path) -> None:
        """As indented JSON."""
        path.write_text(self.model_dump_json(indent=1) + "\n")


class Spread(NamedTuple):
    """A figure of several rounds."""

    median: float
    low: float
    high: float


def spread(figures: Sequence[float | None]) -> Spread | None:
    """Of the rounds that have a figure; None if none has."""
    there = [figure for figure in figures if figure is not None]
    if not there:
        return None
    return Spread(statistics.median(there), min(there), max(there))


def ratios(ours: Sequence[float | None], theirs: Sequence[float | None]) -> Rounds:
    """Ours by theirs, of the same round."""
    return [None if a is None or b is None else a / b for a, b in zip(ours, theirs, strict=False)]


def ratio_of_medians(ours: Sequence[float | None], theirs: Sequence[float | None]) -> float | None:
    """What the targets are stated in."""
    a, b = spread(ours), spread(theirs)
    return None if a is None or b is None else a.median / b.median
