"""The state of one partition of the events topic: a fold of its log.

The state at a position is bit-for-bit the same however polls and crashes cut the stream: it depends
on the records alone, in their order. Labelled events are learned in blocks of 64, counted from the
first; an incomplete block is kept in the state as rows, and a view (``view.py``) counts it in.

The state has two parts, each with a position of its own: the regression, which the position here is
that of, and the history (``statistics/history.py``). A history that was saved at an earlier one
reads again (``replay.py``), and one of a later one waits until the regression is there.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

from consumer.decode import Decoded, Record, Rejected
from consumer.decode.dialects import is_of_request, wants_reply
from consumer.errors import NEW_ID, StateError
from consumer.model.estimators.estimator import LEARNERS, Estimator, scored
from consumer.model.folding import TOO_MANY_GAPS, FoldResult
from consumer.model.prequential import Prequential
from consumer.model.repeats import Repeats
from consumer.model.replay import UNDECLARED, Replay, SavedHistory, as_folded
from consumer.model.spec import ModelSpec
from consumer.model.statistics.factor import Floats, count
from consumer.model.statistics.least_squares import LeastSquares
from consumer.model.statistics.quantiles import Frequent
from consumer.model.statistics.running import SufficientStatistics
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
        whole = self.spec.mapping is not None
        update = self.statistics.update
        for record in self._read_again(records):
            if record.offset < self.position:
                continue
            event = decode(record if whole else record.value)
            if whole and type(event) is tuple and not self.statistics.admits(event):
                event = TOO_MANY_GAPS
            if record.headers:
                if wants_reply(record.headers):
                    result.asking.append((record, event))
                if is_of_request(record.headers) and self._repeats.saw(record):
                    self.position = record.offset + 1
                    continue
            if type(event) is tuple:
                block = update(event, record.timestamp)
                if block is not None:
                    self._learn(block, record.timestamp)
                result.learned += 1
            else:
                result.pass_over(record, event)
            self.position = record.offset + 1
        self._count(result)
        if self.spec.mapping is not None:
            result.note(self.spec.mapping.take_undeclared())
            self._undeclared |= {  # views keep what they have
                name: self._undeclared.get(name, Frequent()).plus(texts)
                for name, texts in result.undeclared.items()
            }
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
            "counts": {
                outcome.value: count
                for outcome, count in self.counts.items()
                if outcome is not Outcome.SKIPPED or self.spec.mapping is not None
            },
            "forwarded": self._repeats.to_state(),
            "errors": self.errors.state(),
            "estimator": self.estimator.state(),
            "statistics": self.statistics.to_state(),
        }
        return state | ({"since": self.since} if self.since else {})

    def history_state(self) -> dict[str, Any]:
        """The history but for its sketches, likewise; only if the partition has it whole."""
        return {
            "position": self.position,
            "forwarded": self._repeats.to_state(),
            **self.statistics.history_state(),
        }

    def sketches(self) -> dict[str, str]:
        """The history's sketches as text, by name; not deterministic."""
        found = self.statistics.history.sketch_texts(self.spec.fields)
        return found | {
            name + UNDECLARED: texts.to_text() for name, texts in self._undeclared.items()
        }

    def saved_history(self) -> SavedHistory:
        """The same as a value; only if the partition has it whole."""
        now, repeats = self.statistics.view(), self._repeats.copy()
        return SavedHistory(
            self.position,
            now.history,
            now.pending,
            now.pending_timestamps,
            repeats,
            self._undeclared.copy(),
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
        partition.since = dict(state.get("since", {}))
        partition._repeats = Repeats.from_state(state["forwarded"])
        partition.errors = Prequential.from_state(state["errors"])
        partition.estimator.restore(state["estimator"])
        partition.statistics = SufficientStatistics.from_state(spec.columns, state["statistics"])
        partition._known = partition._folded()
        return partition

    def take_up(self, saved: SavedHistory) -> None:
        """Take up a history of this partition's log, as of any position."""
        self.statistics.history = saved.history
        self._undeclared = dict(saved.undeclared)
        behind = saved.history.n < self.statistics.folded
        if behind:
            changed = self.since.get("model", self.position)
            read = as_folded(self.spec.decode, saved.decode, changed, self.statistics.has_admitted)
            self._replay = Replay(saved, read)

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
        return self.spec.least_squares(self.statistics.over(self.spec.selection.needs))

    def _learn(self, block: Floats, timestamp_ms: int) -> None:
        """Test, then train, on the rows of a complete block, shape (BLOCK, fields)."""
        events = self.spec.events(block)
        if not len(events):
            return
        if self._is_viewed:
            self.estimator, self.errors = self.estimator.copy(), self.errors.copy()
            self._is_viewed = False
        after = self._folded()
        tested = scored(self.estimator.learn_block, events, self._known, after)
        self.errors.update(*tested, timestamp_ms)
        self._known = after

    def _count(self, result: FoldResult) -> None:
        self.counts[Outcome.LEARNED] += result.learned
        self.counts[Outcome.UNLABELLED] += result.unlabelled
        self.counts[Outcome.SKIPPED] += result.skipped
        self.counts[Outcome.REFUSED] += len(result.refused)
        if result.refused:
            self._last_refused = result.refused[-1].why
