"""The state of one partition of the events topic: a fold of its log.

The state at a position is bit-for-bit the same however polls and crashes cut the stream: it depends
on the records alone, in their order. Labelled events are learned in blocks of 64, counted from the
first; an incomplete block is kept in the state as rows, and a view learns it ahead.

The state has two parts, each with a position of its own: the regression, which the position here is
that of, and the history (``statistics/history.py``). A history that was saved at an earlier one
reads again (``replay.py``), and one of a later one waits until the regression is there.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from consumer.decode import Decoded, Record, Rejected
from consumer.decode.dialects import is_of_request, wants_reply
from consumer.errors import NEW_ID, StateError
from consumer.model.estimators.bayesian import Posterior
from consumer.model.estimators.estimator import LEARNERS, Estimator
from consumer.model.estimators.gradient import Weights
from consumer.model.folding import FoldResult, Refused
from consumer.model.prequential import Prequential
from consumer.model.repeats import Repeats
from consumer.model.replay import Replay, SavedHistory
from consumer.model.spec import ModelSpec
from consumer.model.statistics.factor import Floats, count, triangle
from consumer.model.statistics.least_squares import LeastSquares, one_step_ahead
from consumer.model.statistics.running import StatisticsView, SufficientStatistics
from contract.messages import Outcome


@dataclass(frozen=True, slots=True)
class PartitionView:
    """A partition's state as of a position; immutable, so any thread may read it.

    Attributes:
        position: The offset of the next record to fold.
        counts: Events by outcome.
        estimate: The river model's estimate, in the form that sums over partitions.
        answers: Whether this partition alone determines all coefficients.
        errors: The prequential sums.
        statistics: The sufficient statistics of the labelled events.
    """

    position: int
    counts: dict[Outcome, int]
    estimate: Posterior | Weights
    answers: bool
    errors: Prequential
    statistics: StatisticsView


class Partition:
    """The mutable state of one partition; its owner is the learner.

    Args:
        spec: The model spec.
        position: The offset of the first record to fold.
    """

    def __init__(self, spec: ModelSpec, position: int = 0) -> None:
        self.spec = spec
        self.position = position
        self.counts = dict.fromkeys(Outcome, 0)
        self.errors = Prequential()
        self.statistics = SufficientStatistics(spec.columns)
        self.estimator: Estimator = LEARNERS[spec.learner](spec.terms)
        self._known = self._folded()
        self._repeats = Repeats()
        self._replay: Replay | None = None

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
        whole = self.spec.mapping is not None
        update = self.statistics.update
        for record in self._read_again(records):
            if record.offset < self.position:
                continue
            event = decode(record if whole else record.value)
            if record.headers:
                if wants_reply(record.headers):
                    result.asking.append((record, event))
                if is_of_request(record.headers) and self._repeats.saw(record):
                    self.position = record.offset + 1
                    continue
            if type(event) is tuple:
                block = update(event, record.timestamp)
                if block is not None:
                    after = self._folded()
                    self._learn(block, after, record.timestamp, self.estimator, self.errors)
                    self._known = after
                result.learned += 1
            else:
                result.pass_over(record, event)
            self.position = record.offset + 1
        self._count(result)
        return result

    def skip(self, record: Record, why: Rejected) -> FoldResult:
        """Skip an unreadable record and count it as refused, unless it is before the position."""
        if record.offset < self.position:
            return FoldResult()
        result = FoldResult(refused=[Refused(record, why)])
        self.position = record.offset + 1
        self._count(result)
        return result

    def to_state(self) -> dict[str, Any]:
        """The regression: all that the next fold depends on, in types that JSON keeps exactly."""
        return {
            "position": self.position,
            "counts": {outcome.value: count for outcome, count in self.counts.items()},
            "forwarded": self._repeats.to_state(),
            "errors": self.errors.state(),
            "estimator": self.estimator.state(),
            "statistics": self.statistics.to_state(),
        }

    def history_state(self) -> dict[str, Any]:
        """The history but for its sketches, likewise; only if the partition has it whole."""
        return {
            "position": self.position,
            "forwarded": self._repeats.to_state(),
            **self.statistics.history_state(),
        }

    def saved_history(self) -> SavedHistory:
        """The same as a value; only if the partition has it whole."""
        now, repeats = self.statistics.view(), self._repeats.copy()
        return SavedHistory(
            self.position, now.history, now.pending, now.pending_timestamps, repeats
        )

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
        partition.counts = {outcome: count(counts[outcome]) for outcome in Outcome}
        partition._repeats = Repeats.from_state(state["forwarded"])
        partition.errors = Prequential.from_state(state["errors"])
        partition.estimator.restore(state["estimator"])
        partition.statistics = SufficientStatistics.from_state(spec.columns, state["statistics"])
        partition._known = partition._folded()
        return partition

    def take_up(self, saved: SavedHistory) -> None:
        """Take up a history of this partition's log, as of any position."""
        self.statistics.history = saved.history
        behind = saved.history.n < self.statistics.folded
        self._replay = Replay(saved, self.spec.decode) if behind else None

    def view(self) -> PartitionView:
        """The current state, with the incomplete block learned ahead."""
        estimator, errors, known = self.estimator.copy(), self.errors.copy(), self._known
        statistics = self.statistics.view()
        if statistics.pending:
            rows = statistics.pending_rows()
            known = known.plus(self._events(rows))
            self._learn(rows, known, statistics.pending_timestamps[-1], estimator, errors)
        return PartitionView(
            self.position,
            self.counts.copy(),
            estimator.view(known),
            known.answers,
            errors,
            statistics,
        )

    def _read_again(self, records: Iterable[Record]) -> Iterable[Record]:
        """Let the history read these until it has caught up; the others are to be folded."""
        records = iter(records)
        if self._replay is None:
            return records
        for record in records:
            if record.offset >= self.position:
                raise StateError(
                    f"the saved history goes on at offset {self._replay.position}, and the log has "
                    f"no longer all events from there to the state's, {self.position}. {NEW_ID}"
                )
            self._replay.read(record)
            if self._replay.history.n == self.statistics.folded:
                self.statistics.history, self._replay = self._replay.history, None
                break
        return records

    def _folded(self) -> LeastSquares:
        """The least squares of the formula over the complete blocks."""
        factor = triangle(self.spec.selection(self.statistics.factor))
        return LeastSquares(self.statistics.folded, factor, self.spec.formula.intercept)

    def _events(self, rows: Floats) -> Floats:
        """The formula's columns of rows, and its target last, shape (n, p + 1)."""
        return self.spec.selection(self.spec.columns.design(rows))

    def _learn(
        self,
        rows: Floats,
        after: LeastSquares,
        timestamp_ms: int,
        estimator: Estimator,
        errors: Prequential,
    ) -> None:
        """Test, then train, on the last rows, shape (n, k).

        Only predictions that the service would have given are scored: one from too few events, or
        from a field that has not varied yet, would be refused.
        """
        events = self._events(rows)
        exact = None
        if not (self._known.answers and after.answers):
            exact = one_step_ahead(self._known, events)
        missed = estimator.learn_block(events, exact, self._known, after)
        y = events[:, -1]
        if exact is not None:
            scored = ~np.isnan(exact)
            y, missed = y[scored], missed[scored]
        errors.update(y, missed, timestamp_ms)

    def _count(self, result: FoldResult) -> None:
        self.counts[Outcome.LEARNED] += result.learned
        self.counts[Outcome.UNLABELLED] += result.unlabelled
        self.counts[Outcome.SKIPPED] += result.skipped
        self.counts[Outcome.REFUSED] += len(result.refused)
