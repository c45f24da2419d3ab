"""The service with one thing wrong: it dies at a named point, or one safeguard is taken out.

    python tests/chaos/mutant.py NAME [N]

A point of death is reached at its N-th call (1 unless told). Everything else is the service as it
is: the mutation wraps a function of the imported modules and then runs ``python -m consumer``.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib import import_module
from itertools import count
from time import sleep
from typing import Any, NoReturn

import numpy as np
from kafka.future import Future

from consumer import app
from consumer.__main__ import cli
from consumer.client import clients, producers
from consumer.client.internals import batches
from consumer.client.internals.direct_producer import DirectProducer
from consumer.decode.event import Unreadable
from consumer.decode.record import Record
from consumer.learn import dead_letters as deadletters
from consumer.learn import loop as learner
from consumer.learn.dead_letters import DeadLetters
from consumer.learn.owned import OwnedPartitions
from consumer.learn.saving import Saving
from consumer.model.folding import FoldResult
from consumer.model.partition import Partition
from consumer.model.replay import Replay, SavedHistory
from consumer.model.statistics.running import SufficientStatistics
from consumer.respond import positions
from consumer.state import changelog, snapshot
from consumer.state.changelog import Changelog
from consumer.state.memory import Memory
from consumer.state.snapshot import Part
from consumer.telemetry import health

Anything = Any
Function = Callable[..., Anything]


def die() -> NoReturn:
    """As by ``kill -9``: nothing of the process runs any more."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


def wrap(owner: object, name: str, around: Callable[..., Anything]) -> None:
    """Replace a function by ``around(real, *its arguments)``."""
    real: Function = getattr(owner, name)

    def wrapped(*args: Anything, **kwargs: Anything) -> Anything:
        return around(real, *args, **kwargs)

    setattr(owner, name, wrapped)


def dies_before(owner: object, name: str, call: int) -> None:
    calls = count(1)

    def around(real: Function, *args: Anything, **kwargs: Anything) -> Anything:
        if next(calls) == call:
            die()
        return real(*args, **kwargs)

    wrap(owner, name, around)


def dies_after(
    owner: object, name: str, call: int, counts: Callable[[Anything], bool] = lambda _: True
) -> None:
    """Of the calls whose results count, at the end of this one."""
    calls = count(1)

    def around(real: Function, *args: Anything, **kwargs: Anything) -> Anything:
        result = real(*args, **kwargs)
        if counts(result) and next(calls) == call:
            die()
        return result

    wrap(owner, name, around)


# Points of death, in the order of a commit.


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
    dies_after(Changelog, "save", call, counts=bool)


def before_history(call: int) -> None:
    """Regressions are sent, and a history is about to be."""
    dies_before(Changelog, "save_history", call)


def after_history(call: int) -> None:
    """It was handed to the client."""
    dies_after(Changelog, "save_history", call)


def without_histories(_: int) -> None:
    """Regressions alone are saved."""
    wrap(Changelog, "save_history", lambda *_: None)


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


# Safeguards taken out.


def no_mutation(_: int) -> None:
    """The service as it is."""


def one_ahead(_: int) -> None:
    """A restored partition goes on one record after its position."""

    def around(real: Function, *args: Anything) -> Anything:
        restored = real(*args)
        for partition, _ in restored.values():
            if partition.position:
                partition.position += 1
        return restored

    wrap(Changelog, "restore", around)


def position_behind(_: int) -> None:
    """A snapshot says that it is of a moment ago: what came since is learned twice."""

    def around(real: Function, self: Partition) -> Anything:
        state = real(self)
        return state | {"position": max(0, state["position"] - 10)}

    wrap(Partition, "to_state", around)


def state_forgotten(_: int) -> None:
    """Learning goes on at the saved position, from nothing."""

    def around(real: Function, *args: Anything) -> Anything:
        return {
            at: (Partition(partition.spec, partition.position), end)
            for at, (partition, end) in real(*args).items()
        }

    wrap(Changelog, "restore", around)


def letters_not_awaited(_: int) -> None:
    """Snapshots do not wait for the dead letters before them."""
    letters_slow(0)
    wrap(DeadLetters, "settle", lambda *_: True)


def letters_slow(_: int) -> None:
    """No mutation: dead letters take two seconds. The safeguard must hold."""

    def around(real: Function, **options: Anything) -> Anything:
        return real(**options | ({"linger_ms": 2000} if "letters" in options["client_id"] else {}))

    wrap(producers, "KafkaProducer", around)


def hash_unchecked(_: int) -> None:
    """Whatever a snapshot's hash says, it is believed."""

    class Agreeable(str):
        __slots__ = ()

        def __ne__(self, _: object) -> bool:
            return False

    wrap(snapshot, "digest", lambda real, state: Agreeable(real(state)))


def group_offset_read(_: int) -> None:
    """Records that the group's offset brought are learned as if the state had asked for them."""

    def around(real: Function, self: OwnedPartitions) -> set[int]:
        real(self)
        return set(self._partitions)

    wrap(OwnedPartitions, "follow_group", around)


def pending_left_out(_: int) -> None:
    """Rows of a block that is not full do not travel in the snapshots."""

    def around(real: Function, self: SufficientStatistics) -> Anything:
        return real(self) | {"n": self.folded, "pending": "", "pending_timestamps_ms": ""}

    wrap(SufficientStatistics, "_counted", around)


def replay_of_other_rows(_: int) -> None:
    """A history that reads again goes on with other rows of its unfinished block."""

    def around(real: Function, self: Partition, saved: SavedHistory, *ids: Anything) -> None:
        real(self, replace(saved, pending=list(saved.pending[:1]) * len(saved.pending)), *ids)

    wrap(Partition, "take_up", around)


def history_position_behind(_: int) -> None:
    """A history says that it is of a moment ago: what came since is read twice."""

    def around(real: Function, self: Partition) -> Anything:
        state = real(self)
        return state | {"position": max(0, state["position"] - 10)}

    wrap(Partition, "history_state", around)


def blocks_of_polls(_: int) -> None:
    """Rows are folded when a poll ends, and not in blocks counted from the first event."""

    def around(real: Function, self: Partition, records: Iterable[Record]) -> FoldResult:
        result: FoldResult = real(self, records)
        statistics = self.statistics
        if len(rows := statistics.view().pending_rows):
            times = np.array(statistics._timestamps)
            statistics._blocks = statistics._blocks.plus(rows, statistics.columns)
            statistics.history = statistics.history.plus(rows, times)
            statistics._pending.clear()
            statistics._timestamps.clear()
            self._learn(rows, int(times[-1]))
        return result

    wrap(Partition, "fold", around)


# The same of answers: serving, direct replies, unpacking, commits.

POISON = b"poison"
"""A request with these bytes in it cannot be unpacked, where the run says so."""


def neighbours_lost(_: int) -> None:
    """A batch with one record that cannot be read is passed over as a whole."""

    def around(real: Function, batch: object) -> Anything:
        records = list(real(batch))
        honest = not any(isinstance(record.value, Unreadable) for record in records)
        return iter(records if honest else ())

    wrap(batches, "unpack", around)


def poisoned(_: int) -> None:
    """No mutation: the client raises where it reads a poisoned record. The safeguard must hold."""

    def around(real: Function, batch: object) -> Anything:
        for record in real(batch):
            if POISON in (record.value or b""):
                raise ValueError("poisoned")
            yield record

    wrap(batches, "unpack", around)


def poison_not_stepped_over(_: int) -> None:
    """What the client raises where it reads a record ends the loop."""
    poisoned(0)

    def around(_real: Function, _consumer: object, error: Exception) -> NoReturn:
        raise error

    wrap(import_module("consumer.client.poll"), "step_over", around)


def direct_refused(_: int) -> None:
    """No mutation: Kafka takes no reply on the short way. The safeguard must hold."""
    _direct(delivered=False)


def direct_refusal_unheeded(_: int) -> None:
    """Kafka takes no reply on the short way, and it counts as delivered."""
    _direct(delivered=True)


def _direct(*, delivered: bool) -> None:
    """All that is sent on the short way is lost, and this is told of it."""

    def around(_real: Function, self: DirectProducer) -> None:
        parcels = [it for at in list(self._waiting) for it in self._waiting.pop(at)]
        for parcel in parcels:
            parcel.arrived(delivered=delivered)

    wrap(DirectProducer, "flush", around)


def replies_withheld(_: int) -> None:
    """No mutation: no reply leaves, and none is acknowledged. The safeguard must hold."""
    wrap(DirectProducer, "send", lambda *_, **__: False)

    def around(real: Function, *args: Anything, **kwargs: Anything) -> Anything:
        made = real(*args, **kwargs)
        if kwargs["role"] == "replies":
            wrap(made, "send", lambda *_, **__: Future())
        return made

    wrap(producers, "producer", around)


def committed_unanswered(_: int) -> None:
    """Requests are committed when they are read, whatever became of their replies."""
    replies_withheld(0)
    wrap(positions._Progress, "position", lambda _real, self: self.next)


# Traps.


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


NAMES: dict[str, Callable[[int], None]] = {
    function.__name__.replace("_", "-"): function
    for function in (
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
        no_mutation,
        one_ahead,
        position_behind,
        state_forgotten,
        letters_not_awaited,
        letters_slow,
        hash_unchecked,
        group_offset_read,
        pending_left_out,
        replay_of_other_rows,
        history_position_behind,
        blocks_of_polls,
        neighbours_lost,
        poisoned,
        poison_not_stepped_over,
        direct_refused,
        direct_refusal_unheeded,
        replies_withheld,
        committed_unanswered,
        hanging,
        impatient,
    )
}


if __name__ == "__main__":
    NAMES[sys.argv[1]](int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    sys.argv[1:] = []
    cli()
