"""How much of everything is measured."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """All numbers of a run.

    Attributes:
        rounds: How often everything is measured, in turn.
        events: That each contender learns.
        questions: To each server, in each round and phase.
        storm_rate: Events a second that are sent: more than the service learns beside their sender
            and the broker on two cores, so that it is always busy.
        field_events: For each number of fields.
        fields: Numbers of fields beside the target.
        process_events: That the processes share.
        processes: Numbers of processes.
        backlogs: Events that came while the service was stopped.
        memory: Numbers of events after which memory is read.
        flood_events: That are learned beside a flood of requests.
        flood_rate: Requests a second, more than can be answered.
        restart_events: That a restarted service has behind it.
        partitions: Numbers of partitions of the events topic, the first to compare with.
        partition_events: That are learned from each.
        steady_seconds: How long a steady stream is watched.
    """

    rounds: int = 5
    events: int = 300_000
    questions: int = 500
    storm_rate: int = 100_000
    field_events: int = 100_000
    fields: tuple[int, ...] = (1, 2, 4, 8, 16)
    process_events: int = 300_000
    processes: tuple[int, ...] = (1, 2, 3)
    backlogs: tuple[int, ...] = (0, 100_000, 300_000, 1_000_000)
    memory: tuple[int, ...] = (100_000, 200_000, 500_000, 1_000_000, 1_500_000, 2_000_000)
    flood_events: int = 400_000
    flood_rate: int = 20_000
    restart_events: int = 1_000_000
    partitions: tuple[int, ...] = (4, 64, 256)
    partition_events: int = 500_000
    steady_seconds: float = 15.0


def warm_up(events: int) -> int:
    """How many come before those that are timed."""
    return events // 10


FULL = Sizes()
QUICK = Sizes(
    rounds=2,
    events=20_000,
    questions=100,
    field_events=20_000,
    fields=(1, 4, 16),
    process_events=40_000,
    backlogs=(0, 20_000),
    memory=(20_000, 50_000, 100_000),
    flood_events=40_000,
    restart_events=40_000,
    partition_events=50_000,
    steady_seconds=5.0,
)
