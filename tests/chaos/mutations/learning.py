"""Safeguards of what is learned and saved, each taken out."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from chaos.mutations.wrapping import Anything, Function, wrap
from consumer.client import producers
from consumer.decode.record import Record
from consumer.learn.dead_letters import DeadLetters
from consumer.learn.owned import OwnedPartitions
from consumer.model.folding import FoldResult
from consumer.model.partition import Partition
from consumer.model.replay import SavedHistory
from consumer.model.statistics.kept.running import SufficientStatistics
from consumer.state import snapshot
from consumer.state.changelog import Changelog


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
            wrap(statistics, "update", lambda *_: rows)  # as if a row had completed the block
            self._learn((), int(times[-1]))
            del vars(statistics)["update"]
        return result

    wrap(Partition, "fold", around)


OF_LEARNING = (
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
)
