"""The state of one partition of the events topic: a fold of its log.

The state at a position is bit-for-bit the same however polls and crashes cut the stream: it depends
on the records alone, in their order. Labelled events are learned in blocks of 64, counted from the
first; an incomplete block is kept in the state as rows, and a view (``view.py``) counts it in.

The position is the regression's. The history (``kept/history.py``) has one of its own: one that is
behind reads again (``replay.py``), and one that is ahead waits for the regression.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self

from consumer.decode import Decoded, Record, Rejected, Row
from consumer.decode.dialects import wants_reply
from consumer.model.challengers import beside
from consumer.model.challengers.challenger import one_step
from consumer.model.estimators.estimator import LEARNERS, Estimator, scored
from consumer.model.folding import FoldResult
from consumer.model.late.by_id import ById
from consumer.model.late.ledger import Ledger
from consumer.model.late.sealed import Sealed
from consumer.model.prequential import Prequential
from consumer.model.repeats import Repeats, WithoutIds
from consumer.model.replay import Replay, SavedHistory, as_folded, without_ids
from consumer.model.spec import ModelSpec
from consumer.model.statistics.factor import count
from consumer.model.statistics.kept.quantiles import Frequent
from consumer.model.statistics.kept.running import SufficientStatistics
from consumer.model.statistics.least_squares import LeastSquares
from consumer.model.view import PartitionView
from contract.messages import Outcome


class Partition:
    """The mutable state of one partition; its owner is the learner.

    Args:
        spec: The model spec.
        position: The offset of the first record to fold.

    Attributes:
        since: From which positions parts of the model are known: ``formula``, ``fields`` by name,
            and ``model``, the last change. Without a change of the model file it is empty.
        by_id: What is known of events by their ids, if the model tells them apart.
    """

    def __init__(self, spec: ModelSpec, position: int = 0) -> None:
        self.spec = spec
        self.position = position
        self.counts = dict.fromkeys(Outcome, 0)
        self.errors = Prequential()
        self.statistics = SufficientStatistics(spec.columns)
        self.estimator: Estimator = LEARNERS[spec.learner](spec.terms)
        self._known = self._folded()
        self.challengers = beside.begun(spec, self.statistics.over)
        ledger, admits = Ledger(len(spec.fields), position), self.statistics.admits
        self._without_ids = WithoutIds(admits, Repeats())
        self.by_id = ById(spec, ledger, admits) if spec.has_ids else None
        self._replay: Replay | None = None
        self.since: dict[str, Any] = {}
        self._last_refused: Rejected | None = None
        self._undeclared: dict[str, Frequent] = {}
        self._is_viewed = False

    @property
    def reads_from(self) -> int:
        """The offset of the next record needed: the history's, while it reads again."""
        return self.position if self._replay is None else self._replay.position

    @property
    def has_whole_history(self) -> bool:
        """Whether the history is that of all complete blocks, no more and no fewer."""
        return self.statistics.history.n == self.statistics.folded

    def fold(self, records: Iterable[Record]) -> FoldResult:
        """Decode each record in turn; predict, score and learn each complete block.

        Records before the position were folded already: nothing is counted or learned again, and
        they are for the history alone, if it is behind.

        Raises:
            StateError: The history is behind, and the log has not all records up to the position.
        """
        result = FoldResult()
        decode: Callable[[Any], Decoded] = self.spec.decoder
        whole, by_id, waiting = self.spec.mapping is not None, self.by_id, Outcome.WAITING
        fold, learn = (by_id or self._without_ids).fold, self._learn
        for record in self._read_again(records):
            if record.offset < self.position:
                continue
            outcome = fold(record, decode(record if whole else record.value), result, learn)
            if record.headers and wants_reply(record.headers):
                result.asking.append((record, outcome))
            if outcome is waiting and by_id is not None and by_id.is_due:
                by_id.predict(self.estimator, self._known, self.statistics.view().pending_rows)
            self.position = record.offset + 1
        for outcome, number in result.counts().items():
            self.counts[outcome] += number
        if by_id is not None and by_id.is_taken_up:
            self.counts[Outcome.WAITING] = by_id.waiting
        if result.refused:
            self._last_refused = result.refused[-1].why
        if self.spec.mapping is not None:
            result.note(self.spec.mapping.take_undeclared())
            self._undeclared = result.undeclared_with(self._undeclared)
        return result

    def pass_on(self, position: int) -> bool:
        """Count as folded what holds no event up to a position; whether there was something."""
        if self._replay is not None or position <= self.position:
            return False
        self.position = position
        return True

    def to_state(self) -> dict[str, Any]:
        """The regression: all that the next fold depends on, in types that JSON keeps exactly."""
        state = {
            "position": self.position,
            "counts": {it.value: n for it, n in self.counts.items() if it in self.spec.outcomes},
            "forwarded": self._without_ids.repeats.to_state(),
            "errors": self.errors.state(),
            "estimator": self.estimator.state(),
            "statistics": self.statistics.to_state(),
        }
        if self.by_id is not None:
            state["by_id"] = self.by_id.to_state()
        state |= beside.to_state(self.challengers)
        return state | ({"since": self.since} if self.since else {})

    def history_state(self) -> dict[str, Any]:
        """The history but for its sketches, likewise; only if the partition has it whole."""
        return {
            "position": self.position,
            "forwarded": self._without_ids.repeats.to_state(),
            **self.statistics.history_state(),
        }

    def saved_history(self) -> SavedHistory:
        """The same as a value, with the sketches; only if the partition has it whole."""
        now, undeclared = self.statistics.view(), self._undeclared.copy()
        seen, times = self._without_ids.repeats.copy(), now.pending_timestamps
        return SavedHistory(self.position, now.history, now.pending, times, seen, undeclared)

    @classmethod
    def from_state(cls, spec: ModelSpec, state: Mapping[str, Any]) -> Self:
        """Restore the regression from :meth:`to_state`; the history is to be taken up.

        Raises:
            KeyError: A part of the state is missing.
            TypeError: A part of the state has another type.
            ValueError: The state is of another spec, or a number in it is impossible.
        """
        partition = cls(spec, state["position"])
        counts = {Outcome.SKIPPED: 0, **state["counts"]}  # older states do not have it
        partition.counts |= {outcome: count(counts[outcome]) for outcome in spec.outcomes}
        partition.since = dict(state.get("since", {}))
        partition.errors = Prequential.from_state(state["errors"])
        partition.estimator.restore(state["estimator"])
        partition.statistics = SufficientStatistics.from_state(spec.columns, state["statistics"])
        partition._known, statistics = partition._folded(), partition.statistics
        partition.challengers = beside.restored(spec, state, statistics.over)
        repeats = Repeats.from_state(state["forwarded"])
        partition._without_ids = WithoutIds(statistics.admits, repeats)
        if spec.has_ids:
            pending = statistics.n - statistics.folded
            partition.by_id = ById.from_state(spec, state["by_id"], statistics.admits, pending)
        return partition

    def take_up(
        self, saved: SavedHistory, ledger: Ledger | None = None, later: Sequence[Sealed] = ()
    ) -> None:
        """Take up a history of this partition's log, as of any position.

        Args:
            saved: The history.
            ledger: Of a model with ids, as of where both read on from; None if nothing is to.
            later: The ledger's segments from there on.
        """
        self.statistics.history = saved.history
        self._undeclared = dict(saved.undeclared)
        behind = saved.history.n < self.statistics.folded
        changed = self.since.get("model", self.position)
        admitted = self.statistics.has_admitted
        decode = as_folded(self.spec.decode, saved.decode, changed, admitted)
        if self.by_id is None:
            if behind:
                rows = without_ids(decode, saved.repeats)
                self._replay = Replay(saved, rows, saved.position)
        elif ledger is not None:
            rows = self.by_id.read_again(ledger, later, decode, admitted)
            self._replay = Replay(saved, rows, ledger.position, self.position, behind=behind)
            self._finish_replay()

    def view(self) -> PartitionView:
        """The current state; its estimator and errors are replaced from here on, never changed."""
        self._is_viewed = True
        return PartitionView(
            self.position,
            self.counts.copy(),
            self.statistics.view(),
            self.spec,
            self._known,
            self.estimator,
            self.errors,
            self.since,
            self._last_refused,
            self._undeclared.copy(),
            None if self.by_id is None else self.by_id.view(),
            self.challengers,
        )

    def _read_again(self, records: Iterable[Record]) -> Iterable[Record]:
        """Let the history read these until it has caught up; the others are to be folded."""
        if self._replay is None:
            return records
        left = self._replay.read_on(iter(records), self.position, self.statistics.folded)
        self._finish_replay()
        return left

    def _finish_replay(self) -> None:
        """Take what was read again, if it is all there is to read."""
        if self._replay is not None and self._replay.is_done(self.statistics.folded):
            self.statistics.history, self._replay = self._replay.history, None
            if self.by_id is not None:
                self.by_id.finish()

    def _folded(self) -> LeastSquares:
        """The least squares of the formula over the complete blocks."""
        return self.spec.least_squares(self.statistics.over(self.spec.selection.needs))

    def _learn(self, row: Row, timestamp_ms: int) -> None:
        """Add a row; if it completes a block, test and then train on its rows."""
        block, served = self.statistics.update(row, timestamp_ms), None
        if block is None:
            return
        if self.by_id is not None:
            served = self.by_id.take_block(self.estimator, self._known, block)
        events, after = self.spec.events(block), self._folded()
        if self.challengers:
            missed = one_step(self.estimator.score_block, self.spec, block, self._known, after)
            self.challengers = beside.learn(self.challengers, block, missed, self.statistics.over)
        if not len(events):
            return
        if self._is_viewed:
            self.estimator, self.errors = self.estimator.copy(), self.errors.copy()
            self._is_viewed = False
        tested = scored(self.estimator.learn_block, events, self._known, after, served)
        self.errors.update(*tested, timestamp_ms)
        self._known = after
