"""Points of death, in the order of a commit: each is reached at its N-th call."""

from itertools import count

from chaos.mutations.learning import letters_slow
from chaos.mutations.wrapping import Anything, Function, die, dies_after, dies_before, wrap
from consumer import app
from consumer.client import clients, producers
from consumer.learn import dead_letters as deadletters
from consumer.learn import loop as learner
from consumer.learn.dead_letters import DeadLetters
from consumer.model.replay import Replay
from consumer.model.statistics.kept.running import SufficientStatistics
from consumer.state import changelog, snapshot
from consumer.state.changelog import Changelog
from consumer.state.memory import Memory
from consumer.state.snapshot import Part


def after_poll(call: int) -> None:
    dies_after(learner, "poll", call, counts=bool)


def while_folding(call: int) -> None:
    dies_before(SufficientStatistics, "update", call)


def before_dead_letters(call: int) -> None:
    """An event is refused, and its dead letter not sent."""
    dies_before(deadletters, "write_letter", call)


def before_settling(call: int) -> None:
    """Dead letters are on their way."""
    calls = count(1)

    def around(real: Function, self: DeadLetters, seconds: float) -> Anything:
        if self._unsettled and next(calls) == call:
            die()
        return real(self, seconds)

    wrap(DeadLetters, "settle", around)


def before_snapshot(call: int) -> None:
    dies_after(snapshot, "write", call)


def after_snapshot(call: int) -> None:
    """It was handed to the client; whether Kafka has it, nobody knows."""
    dies_after(Changelog, "send", call, counts=bool)


def before_history(call: int) -> None:
    """Regressions are sent, and a history is about to be."""
    dies_before(Changelog, "send_history", call)


def after_history(call: int) -> None:
    """It was handed to the client."""
    dies_after(Changelog, "send_history", call)


def without_histories(_: int) -> None:
    """Regressions alone are saved."""
    wrap(Changelog, "send_history", lambda *_: None)


def while_reading_again(call: int) -> None:
    """A history is behind the regression, and reads the log."""
    dies_before(Replay, "read", call)


def before_acknowledged(call: int) -> None:
    """Kafka has the snapshot; we were not told."""

    def around(real: Function, *args: Anything, **kwargs: Anything) -> Anything:
        made = real(*args, **kwargs)
        if kwargs["role"] == "snapshots":
            wrap(made, "send", send)
        return made

    calls = count(1)

    def send(real: Function, *args: Anything, **kwargs: Anything) -> Anything:
        future = real(*args, **kwargs)
        if next(calls) == call:
            future.get(timeout=30)
            die()
        return future

    wrap(producers, "producer", around)


def before_commit(call: int) -> None:
    """Snapshots are acknowledged, the group's offsets do not follow."""
    calls = count(1)

    def around(real: Function, self: Changelog) -> Anything:
        positions = real(self)
        if positions and any(positions.values()) and next(calls) == call:
            die()
        return positions

    wrap(Changelog, "saved_positions", around)


def after_handover(call: int) -> None:
    """A partition was taken away and saved once more; dead letters take two seconds."""
    letters_slow(0)
    calls = count(1)

    def around(real: Function, self: Changelog, number: int, *args: Anything, save: bool) -> None:
        sending = self._saved[number].parts[Part.REGRESSION]
        real(self, number, *args, save=save)
        if sending._under_way is not None and next(calls) == call:
            sending.settle(30)
            die()

    wrap(Changelog, "release", around)


def while_restoring(call: int) -> None:
    dies_before(changelog, "start", call)


def while_starting(call: int) -> None:
    """Topics are there, the changelog is not made or not looked at yet."""
    dies_before(clients, "ensure_changelog", call)


def while_following(call: int) -> None:
    """Somewhere in the changelog, before the service answers."""
    dies_before(Memory, "take", call)


def while_stopping(call: int) -> None:
    """The last snapshots are sent and not waited for."""
    dies_before(Changelog, "settle", call)


def while_leaving(call: int) -> None:
    """All is saved; the groups still count on us."""
    dies_before(app.App, "_leave", call)


DEATHS = (
    after_poll,
    while_folding,
    before_dead_letters,
    before_settling,
    before_snapshot,
    after_snapshot,
    before_history,
    after_history,
    without_histories,
    while_reading_again,
    before_acknowledged,
    before_commit,
    after_handover,
    while_restoring,
    while_starting,
    while_following,
    while_stopping,
    while_leaving,
)
