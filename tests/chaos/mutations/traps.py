"""A loop that hangs, and a watchdog that is impatient."""

from itertools import count
from time import sleep

from chaos.mutations.wrapping import Anything, Function, wrap
from consumer.learn.saving import Saving
from consumer.telemetry import health


def hanging(call: int) -> None:
    """The learner's loop hangs at its N-th save; silence counts after three seconds."""
    health.MAX_SILENCE_SECONDS = 3.0
    calls = count(1)

    def around(real: Function, self: Saving) -> Anything:
        while next(calls) >= call:
            sleep(3600)
        return real(self)

    wrap(Saving, "turn", around)


def impatient(_: int) -> None:
    """No mutation: silence counts after three seconds."""
    health.MAX_SILENCE_SECONDS = 3.0


TRAPS = (
    hanging,
    impatient,
)
