"""The state of one events partition: a fold of its log, and nothing else.

The state after a position is the same bits however polls and crashes cut the stream: it depends on
the records alone, in their order. Labelled events are learned in blocks of 64, counted from the
first; the rest of a block is part of the state as rows, and learned ahead for whoever looks.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from consumer.bayesian import Posterior
from consumer.decode import UNLABELLED, Decoded, EventDecoder, Rejected
from consumer.dialects import Headers, find_request, wants_reply
from consumer.estimator import LEARNERS, Estimator
from consumer.formula import INTERCEPT, Formula
from consumer.gradient import Weights
from consumer.prequential import Errors
from consumer.statistics.factor import Floats, with_constant
from consumer.statistics.running import Part, Statistics
from contract.messages import Outcome


class Record(Protocol):
    """What the fold reads of a Kafka record."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is learned from what: the part of the settings that the state depends on."""

    fields: tuple[str, ...]
    formula: Formula
    learner: str = "bayesian"

    @property
    def terms(self) -> tuple[str, ...]:
        """The features of the model, the intercept first."""
        return (INTERCEPT, *self.formula.terms)

    @property
    def enough(self) -> int:
        """How many events leave a residual degree of freedom, so that an answer is honest."""
        return len(self.terms) + 1


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that was refused, for the dead-letter topic."""

    record: Record
    why: Rejected


@dataclass(frozen=True, slots=True)
class PartitionView:
    """A partition's state as it was at a position; never changes, so any thread may read it.

    Attributes:
        position: The offset of the next record to fold.
        counts: Events by outcome.
        estimate: What the river model knows, in the form that sums over partitions.
        errors: The prequential sums.
        statistics: The sufficient statistics of the labelled events.
    """

    position: int
    counts: dict[Outcome, int]
    estimate: Posterior | Weights
    errors: Errors
    statistics: Part


@dataclass(slots=True)
class Tally:
    """What a fold of records gives to the shell.

    Attributes:
        learned: How many events were learned.
        unlabelled: How many had no target.
        refused: Those that were refused, and why.
        asking: Those that ask to be acknowledged, with what became of them.
    """

    learned: int = 0
    unlabelled: int = 0
    refused: list[Refused] = field(default_factory=list)
    asking: list[tuple[Record, Decoded]] = field(default_factory=list)


class Partition:
    """The mutable state of one partition; its owner is the learner.

    Args:
        recipe: What is learned from what.
        position: The offset of the first record to fold.
    """

    def __init__(self, recipe: Recipe, position: int = 0) -> None:
        self.recipe = recipe
        self.position = position
        self.counts = dict.fromkeys(Outcome, 0)
        self.forwarded: dict[str, int] = {}  # by requests partition, the next offset due
        self.errors = Errors()
        self.statistics = Statistics(recipe.fields)
        self._enough = recipe.enough
        self.estimator: Estimator = LEARNERS[recipe.learner](recipe.terms)
        self._decode = EventDecoder(recipe.fields, recipe.formula.target)
        self._target = recipe.fields.index(recipe.formula.target)
        self._features = [recipe.fields.index(name) for name in recipe.formula.terms]

    def fold(self, records: Iterable[Record]) -> Tally:
        """Decode each record in turn; predict, score and learn each block that is full.

        Records before the position were folded already and are passed over.
        """
        tally = Tally()
        decode, update = self._decode, self.statistics.update
        for record in records:
            if record.offset < self.position:
                continue
            event = decode(record.value)
            if record.headers:
                if wants_reply(record.headers):
                    tally.asking.append((record, event))
                if self._is_repeat(record.headers):
                    self.position = record.offset + 1
                    continue
            if type(event) is tuple:
                block = update(event, record.timestamp)
                if block is not None:
                    self._learn(block, self.estimator, self.errors)
                tally.learned += 1
            elif event is UNLABELLED:
                tally.unlabelled += 1
            elif type(event) is Rejected:
                tally.refused.append(Refused(record, event))
            self.position = record.offset + 1
        self._count(tally)
        return tally

    def skip(self, record: Record, why: Rejected) -> Tally:
        """Pass over a record that cannot be read, as a refused one."""
        tally = Tally(refused=[Refused(record, why)])
        self.position = record.offset + 1
        self._count(tally)
        return tally

    def to_state(self) -> dict[str, Any]:
        """All that the next fold depends on, as numbers that JSON carries bit for bit."""
        return {
            "position": self.position,
            "counts": {outcome.value: count for outcome, count in self.counts.items()},
            "forwarded": self.forwarded.copy(),
            "errors": self.errors.state(),
            "estimator": self.estimator.state(),
            "statistics": self.statistics.to_state(),
        }

    @classmethod
    def from_state(
        cls, recipe: Recipe, state: Mapping[str, Any], sketches: Mapping[str, str]
    ) -> Self:
        """The partition that gave this state and these sketches.

        Raises:
            KeyError: A part of it is missing.
            TypeError: A part of it is of another kind.
            ValueError: It is of another recipe, or a number is not finite.
        """
        partition = cls(recipe, state["position"])
        partition.counts = {outcome: state["counts"][outcome] for outcome in Outcome}
        partition.forwarded = dict(state["forwarded"])
        partition.errors = Errors(*state["errors"])
        partition.estimator.restore(state["estimator"])
        partition.statistics = Statistics.from_state(recipe.fields, state["statistics"], sketches)
        return partition

    def view(self) -> PartitionView:
        """The state as it is now, the events of the block that is not full yet learned ahead."""
        estimator, errors = self.estimator.copy(), self.errors.copy()
        self._learn(self.statistics.pending(), estimator, errors)
        return PartitionView(
            self.position,
            self.counts.copy(),
            estimator.view(),
            errors,
            self.statistics.view(),
        )

    def _is_repeat(self, headers: Headers) -> bool:
        """Whether the event came as a request that was folded already: then it counts for nothing.

        A requests partition is forwarded in order, so one offset tells.
        """
        request = find_request(headers)
        if request is None:
            return False
        source, offset = request
        if offset < self.forwarded.get(source, 0):
            return True
        self.forwarded[source] = offset + 1
        return False

    def _learn(self, rows: Floats, estimator: Estimator, errors: Errors) -> None:
        """Test, then train, on the last rows, shape (n, k).

        A prediction that the service would refuse to give, for too few events, is not scored: two
        events that lie close together make a line that misses the third by hundreds.
        """
        if not len(rows):
            return
        y = rows[:, self._target]
        missed = estimator.learn_block(with_constant(rows[:, self._features]), y)
        unscored = max(0, self._enough - (self.statistics.n - len(rows)))
        errors.update(y[unscored:], missed[unscored:])

    def _count(self, tally: Tally) -> None:
        self.counts[Outcome.LEARNED] += tally.learned
        self.counts[Outcome.UNLABELLED] += tally.unlabelled
        self.counts[Outcome.REFUSED] += len(tally.refused)
