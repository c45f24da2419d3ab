"""What do all the statistics cost an event?

    python benchmarks/statistics_cost.py [--events 200000] [--rounds 7]

Folds the same events in memory with the statistics (factor, extremes, sketches, recent rows) and
without, in turn, and prints the difference an event: the median and the spread of the rounds.
"""

import argparse
import statistics
from collections.abc import Sequence
from time import perf_counter

import numpy as np
import orjson

from consumer.decode.formula import parse_formula
from consumer.model.partition import Partition
from consumer.model.spec import ModelSpec
from consumer.model.statistics.factor import Floats
from consumer.model.statistics.running import BLOCK
from producer.simulate import FIELDS, simulate

RECIPE = ModelSpec(FIELDS, parse_formula("sales ~ tv", FIELDS))


class _Event:
    """A record as the fold reads it."""

    __slots__ = ("headers", "key", "offset", "timestamp", "value")

    def __init__(self, offset: int, value: bytes) -> None:
        self.offset = offset
        self.timestamp = offset
        self.key: bytes | None = None
        self.value: bytes | None = value
        self.headers: Sequence[tuple[str, bytes | None]] = ()


class _RowsAlone:
    """In the place of the statistics: gathers the blocks that the estimator learns, and no more."""

    def __init__(self) -> None:
        self.n = 0
        self._rows: list[Sequence[float]] = []

    def update(self, row: Sequence[float], _timestamp_ms: int) -> Floats | None:
        """The block that the row fills."""
        self.n += 1
        self._rows.append(row)
        if len(self._rows) < BLOCK:
            return None
        block = np.array(self._rows)
        self._rows.clear()
        return block


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    values = map(orjson.dumps, simulate(arguments.events, seed=1))
    events = [_Event(offset, value) for offset, value in enumerate(values)]
    with_all, without = [], []
    for _ in range(arguments.rounds):
        with_all.append(_microseconds(events, Partition(RECIPE)))
        bare = Partition(RECIPE)
        bare.statistics = _RowsAlone()  # type: ignore[assignment]
        without.append(_microseconds(events, bare))
    cost = [a - b for a, b in zip(with_all, without, strict=True)]
    print(f"with    {statistics.median(with_all):6.2f} us an event")
    print(f"without {statistics.median(without):6.2f} us an event")
    print(
        f"cost    {statistics.median(cost):6.2f} us an event "
        f"({min(cost):.2f} to {max(cost):.2f} over {len(cost)} rounds)"
    )


def _microseconds(events: list[_Event], partition: Partition) -> float:
    started = perf_counter()
    partition.fold(events)
    return (perf_counter() - started) / len(events) * 1e6


if __name__ == "__main__":
    main()
