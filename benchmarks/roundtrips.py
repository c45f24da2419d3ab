"""Part (d): round trips of predictions, idle and under a storm, beside the least that is possible.

In each round each server is asked the same number of questions, one after the other: first all
idle, then all while events come faster than the service learns. So all of them share the machine
with the storm and with the service that learns at full speed.
"""

from collections.abc import Callable
from contextlib import ExitStack
from time import perf_counter, sleep

import numpy as np

from asking import Asker, KafkaAsker, echo, zerorpc
from contenders import SERVICE
from contract import topics
from events import create, fill, fresh, mobile_events, sent, storm
from learning import ServiceError, figure, started, wait_until_learned
from machine import machine, today
from programs import ContenderError
from results import Quantiles, RoundTrips, Trips
from sizes import Sizes
from support.service import LEARNED, Service
from support.waiting import wait_until
from turns import in_turn

ECHO = "bare librdkafka echo"
ZERORPC = "ZeroRPC"
IDLE, STORM = "idle", "in the storm"

WARM_UP = 1_000
FULL_SPEED_SECONDS = 2.0
DRAINED = "riverline_events_behind"
LIMIT_SECONDS = 300.0

Say = Callable[[str], None]


def measure(servers: str, sizes: Sizes, say: Say) -> RoundTrips:
    """All rounds."""
    return _Session(servers, sizes, say).run()


class _Session:
    def __init__(self, servers: str, sizes: Sizes, say: Say) -> None:
        self._servers, self._sizes, self._say = servers, sizes, say
        self._events = fresh("events")
        self._askers: dict[str, Asker] = {}
        self._times: dict[str, dict[str, list[list[float]]]] = {IDLE: {}, STORM: {}}
        self._came: list[float] = []
        self._learned: list[float] = []
        self._faults: dict[str, str] = {}

    def run(self) -> RoundTrips:
        when, facts = today(), machine()
        with ExitStack() as stack:
            try:
                service = self._open(stack)
                for number in range(self._sizes.rounds):
                    self._round(service, number)
            except (ServiceError, ContenderError) as error:
                self._faults[SERVICE] = str(error)
        return RoundTrips(
            when=when,
            machine=facts,
            questions=self._sizes.questions,
            phases={
                phase: {name: _trips(rounds) for name, rounds in times.items()}
                for phase, times in self._times.items()
            },
            sent=self._came,
            learned=self._learned,
            faults=self._faults,
        )

    def _open(self, stack: ExitStack) -> Service:
        servers, ours, echoed = self._servers, fresh("prediction"), fresh("echo")
        made = (ours, echoed)
        create(servers, topics.events(self._events))
        create(servers, *(topics.requests(f"{name}-requests") for name in made))
        create(servers, *(topics.replies(f"{name}-replies") for name in made))
        fill(servers, self._events, mobile_events(WARM_UP))
        names = {
            "REQUESTS_TOPIC": f"{ours}-requests",
            "REPLIES_TOPIC": f"{ours}-replies",
        }
        service = stack.enter_context(started(servers, self._events, **names))
        wait_until_learned(service, WARM_UP, LIMIT_SECONDS)
        wait_until(lambda: service.ready)  # what is asked before is not for it
        self._askers[SERVICE] = stack.enter_context(
            KafkaAsker(servers, names["REQUESTS_TOPIC"], names["REPLIES_TOPIC"])
        )
        bare = echo(servers, f"{echoed}-requests", f"{echoed}-replies")
        self._askers[ECHO] = stack.enter_context(bare)
        try:
            self._askers[ZERORPC] = stack.enter_context(zerorpc())
        except ContenderError as error:
            self._faults[ZERORPC] = str(error)
        for name in list(self._askers):
            self._ask(name, self._sizes.questions)  # the broker compiles what it does often
        return service

    def _round(self, service: Service, number: int) -> None:
        self._phase(IDLE, number)
        with storm(self._servers, self._events, self._sizes.storm_rate):
            sleep(FULL_SPEED_SECONDS)
            before = self._counts(service)
            self._phase(STORM, number)
            at, came, learned = (b - a for a, b in zip(before, self._counts(service), strict=True))
        self._came.append(came / at)
        self._learned.append(learned / at)
        self._say(f"the storm: {came / at:,.0f} events/s sent, {learned / at:,.0f} learned")
        self._drain(service)

    def _counts(self, service: Service) -> tuple[float, float, float]:
        """The time, events sent, events learned."""
        sent_now = sent(self._servers, self._events)
        return perf_counter(), sent_now, figure(service, LEARNED)

    def _phase(self, phase: str, number: int) -> None:
        for name in in_turn(list(self._askers), number, self._sizes.rounds):
            times = self._ask(name, self._sizes.questions)
            if times:
                self._times[phase].setdefault(name, []).append(times)
                self._say(f"{phase}: {name} p50 {np.median(times) * 1e3:.2f} ms")

    def _ask(self, name: str, count: int) -> list[float]:
        """The seconds; none where the server fails, which is then asked no more."""
        try:
            return self._askers[name].ask(count)
        except ContenderError as error:
            self._faults[name] = str(error)
            del self._askers[name]
            return []

    def _drain(self, service: Service) -> None:
        """Until what the storm has left is learned: the lag is noted each second."""
        deadline = perf_counter() + LIMIT_SECONDS
        sleep(1.5)
        while figure(service, DRAINED) > 0:
            if perf_counter() > deadline:
                raise ServiceError("the storm's events are not learned in time")
            sleep(0.5)


def _trips(rounds: list[list[float]]) -> Trips:
    together = [time for times in rounds for time in times]
    return Trips(rounds=[_quantiles(times) for times in rounds], together=_quantiles(together))


def _quantiles(seconds: list[float]) -> Quantiles:
    p50, p99 = np.percentile(seconds, [50, 99]) * 1000
    return Quantiles(p50=float(p50), p99=float(p99))
