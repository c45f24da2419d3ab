"""The work that every contender does with an event, and the clock around all of it."""

import signal
import sys
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import Self

import orjson
from river.linear_model import BayesianLinearRegression

TV = 50.0


@dataclass(frozen=True, slots=True)
class Task:
    """A contender's task.

    Attributes:
        servers: Where Kafka is, HOST:PORT.
        topic: The events, filled before.
        warm_up: How many are learned before the clock starts.
        total: How many there are, those among them.
        group: A new consumer group.
    """

    servers: str
    topic: str
    warm_up: int
    total: int
    group: str

    @classmethod
    def read(cls) -> Self:
        """From the command line; an abandoned process ends after LIMIT seconds."""
        servers, topic, warm_up, total, group, limit = sys.argv[1:]
        signal.alarm(int(limit))
        return cls(servers, topic, int(warm_up), int(total), group)


class Learning:
    """Works on one event after the other; prints the figures, as JSON, after the last one.

    Args:
        task: How many events there are.
    """

    def __init__(self, task: Task) -> None:
        self._warm_up, self._total = task.warm_up, task.total
        self._model = BayesianLinearRegression(alpha=1e-6)
        self._absolute = 0.0
        self._squared = 0.0
        self._count = 0
        self._started = self._processor = 0.0

    @property
    def done(self) -> bool:
        """Whether all events are learned."""
        return self._count >= self._total

    def work(self, value: bytes) -> None:
        """Decode, predict, score, learn."""
        if self._count == self._warm_up:
            self._started, self._processor = perf_counter(), process_time()
        event = orjson.loads(value)
        x = {"Intercept": 1.0, "tv": event["tv"]}
        y = event["sales"]
        error = y - self._model.predict_one(x)
        self._absolute += abs(error)
        self._squared += error * error
        self._model.learn_one(x, y)
        self._count += 1
        if self._count == self._total:
            self._report()

    def _report(self) -> None:
        figures = {
            "count": self._count,
            "seconds": perf_counter() - self._started,
            "processor_seconds": process_time() - self._processor,
            "prediction": self._model.predict_one({"Intercept": 1.0, "tv": TV}),
            "mae": self._absolute / self._count,
            "rmse": (self._squared / self._count) ** 0.5,
        }
        print(orjson.dumps(figures).decode(), flush=True)
