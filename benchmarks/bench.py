"""The benchmark: one command, one session, one embedded Kafka; everybody in interleaved rounds.

    make bench                          all of it: half an hour, best on an idle machine
    benchmarks/bench.py --quick         small numbers, to see that everything runs
    benchmarks/bench.py --only a,c      parts of it
    benchmarks/bench.py --only f,g,h,i,j  what is measured if it is asked for, and printed alone
    benchmarks/bench.py --report        no measurement: tables and plots again, from results.json

Parts: (a) the service, (b) the in-memory limit, (c) the peers, (d) round trips, (e) growth; and, if
asked for, (f) a flood of requests, (g) durability, (h) partitions, (i) large events,
(j) waiting for positions. What is measured, and how: docs/BENCHMARKS.md, whose tables and plots
this command writes.
"""

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from subprocess import SubprocessError
from types import FrameType

from confluent_kafka import KafkaException
from rich.console import Console

import durability
import flood
import growth
import partitions
import roundtrips
import targets
import throughput
import waits
from broker import BrokerError, EmbeddedKafka
from machine import ROOT, UnevenError
from plots import write_plots
from results import Growth, Results, RoundTrips, Throughput
from sizes import FULL, QUICK, Sizes
from tables import sheets

Part = Throughput | RoundTrips | Growth

PARTS = {"a", "b", "c", "d", "e"}
ALONE = {
    "f": flood.measure,
    "g": durability.measure,
    "h": partitions.measure,
    "i": throughput.measure_large,
    "j": waits.measure,
}
"""Parts that are measured only if they are asked for, say their figures, and keep none."""

FIGURES = Path("benchmarks/results.json")
PAGE = Path("docs/BENCHMARKS.md")
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
FAILED, INTERRUPTED = 1, 130
WIDTH = 110  # of a file
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for; 0 if nothing failed."""
    asked = _parse(arguments)
    for number in ENDS:
        signal.signal(number, _interrupt)
    root = Path(tempfile.mkdtemp(prefix="riverline-bench-")) if asked.quick else ROOT
    failed = False
    try:
        if not asked.report:
            with EmbeddedKafka() as kafka:
                console.print(f"Apache Kafka serves at {kafka.bootstrap_servers}")
                for part in _measured(kafka.bootstrap_servers, asked):
                    failed |= part is None or bool(part.faults)
                    _keep(root, part)
                failed |= not _alone(kafka.bootstrap_servers, asked)
    except KeyboardInterrupt:
        console.print("stopped; nothing is left running")
        return INTERRUPTED
    except (BrokerError, UnevenError) as error:
        console.print(f"[red]{error}")
        return FAILED
    if asked.report or asked.only & PARTS:
        _publish(root)
    return FAILED if failed else 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="a,b,c,d,e", help="parts: a,b,c,d,e; or f,g,h,i,j")
    parser.add_argument("--rounds", type=int, help=f"number of rounds (default {FULL.rounds})")
    parser.add_argument(
        "--events", type=int, help=f"events in parts a to c (default {FULL.events})"
    )
    parser.add_argument(
        "--storm", type=int, help=f"events a second in the storm (default {FULL.storm_rate})"
    )
    parser.add_argument(
        "--quick", action="store_true", help="small sizes; writes to a temporary folder"
    )
    parser.add_argument(
        "--report", action="store_true", help="rewrite the tables from the last run's figures"
    )
    asked = parser.parse_args(arguments)
    asked.only = set(asked.only.split(","))
    if not asked.only <= PARTS | ALONE.keys():
        parser.error(f"--only: there are {', '.join(sorted(PARTS | ALONE.keys()))}")
    return asked


def _sizes(asked: argparse.Namespace) -> Sizes:
    sizes = QUICK if asked.quick else FULL
    return replace(
        sizes,
        rounds=asked.rounds or sizes.rounds,
        events=asked.events or sizes.events,
        storm_rate=asked.storm or sizes.storm_rate,
    )


def _measured(servers: str, asked: argparse.Namespace) -> Iterator[Part | None]:
    """Each part as soon as it is measured; None where it failed altogether."""
    sizes, say = _sizes(asked), console.print
    learners = asked.only & {"a", "b", "c"}
    parts: dict[str, Callable[[], Part]] = {
        "abc": lambda: throughput.measure(servers, sizes, learners, say),
        "d": lambda: roundtrips.measure(servers, sizes, say),
        "e": lambda: growth.measure(servers, sizes, say),
    }
    for letters, measure in parts.items():
        if asked.only.isdisjoint(letters):
            continue
        console.rule(f"({', '.join(letters)})")
        try:
            yield measure()
        except (KafkaException, OSError, SubprocessError):  # the other parts go on
            console.print_exception()
            yield None


def _alone(servers: str, asked: argparse.Namespace) -> bool:
    """The parts that keep no figures; whether what they promise is held."""
    held = True
    for letter, measure in ALONE.items():
        if letter in asked.only:
            console.rule(f"({letter})")
            held &= measure(servers, _sizes(asked), console.print)
    return held


def _keep(root: Path, part: Part | None) -> None:
    """Beside what other runs have left of the other parts."""
    path = root / FIGURES
    results = Results.read(path)
    match part:
        case Throughput():
            results.throughput = part
        case RoundTrips():
            results.round_trips = part
        case Growth():
            results.growth = part
    path.parent.mkdir(exist_ok=True)
    results.write(path)


def _publish(root: Path) -> None:
    """Tables to the terminal and the page, plots beside the page."""
    results = Results.read(root / FIGURES)
    made = [*sheets(results), targets.sheet(results)]
    for sheet in made:
        console.print(sheet.for_terminal())
    page = root / PAGE
    page.parent.mkdir(exist_ok=True)
    text = page.read_text() if page.exists() else f"{BEGIN}\n{END}\n"
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    tables = "\n\n".join(sheet.for_page() for sheet in made)
    page.write_text(f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}")
    write_plots(results, page.parent / "benchmarks")
    console.print(f"figures: {root / FIGURES}; page: {page}")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Once: a second Ctrl-C must not disturb the stopping of what was started."""
    for number in ENDS:
        signal.signal(number, lambda _number, _frame: None)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
