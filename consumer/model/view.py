"""A partition's state at one moment, for the threads that answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from consumer.decode import Rejected
from consumer.model.challengers.beside import Challengers
from consumer.model.challengers.challenger import one_step
from consumer.model.challengers.comparison import Comparison
from consumer.model.estimators.bayesian import Bayesian
from consumer.model.estimators.estimator import Estimator, scored
from consumer.model.estimators.gradient import Weights
from consumer.model.estimators.posterior import Posterior
from consumer.model.estimators.together import Incomplete, score
from consumer.model.late.as_served import AsServed
from consumer.model.late.expiries import ByIdView
from consumer.model.prequential import Prequential
from consumer.model.spec import ModelSpec
from consumer.model.statistics.factor import Floats
from consumer.model.statistics.kept.quantiles import Frequent
from consumer.model.statistics.kept.running import StatisticsView
from consumer.model.statistics.least_squares import LeastSquares
from contract.messages import Outcome


@dataclass(frozen=True, eq=False)
class PartitionView:
    """A partition's state as of a position; immutable, so any thread may read it.

    It costs next to nothing to make: what answers need, the incomplete block included, is computed
    when it is first asked for, by the thread that asks.

    Attributes:
        position: The offset of the next record to fold.
        counts: Events by outcome.
        statistics: The sufficient statistics of the labelled events.
        since: From which positions parts of the model are known, if it was changed.
        undeclared: The most frequent texts that are not levels, by field.
        by_id: What is known of events by their ids, if the model tells them apart.
        last_refused: Why the last refused event was; None where none was seen by this process.
        challengers: The formulas that are learned beside the model's, as of the complete blocks.
    """

    position: int
    counts: dict[Outcome, int]
    statistics: StatisticsView
    _spec: ModelSpec
    _known: LeastSquares
    _estimator: Estimator
    _errors: Prequential
    since: Mapping[str, Any] = field(default_factory=dict)
    last_refused: Rejected | None = None
    undeclared: Mapping[str, Frequent] = field(default_factory=dict)
    by_id: ByIdView | None = None
    challengers: Challengers = ()

    @property
    def coefficients(self) -> dict[str, float]:
        """This partition's own least squares, by term; empty while they are not determined."""
        known = self._after
        return self._spec.by_term(known.coefficients) if known.is_determined else {}

    @cached_property
    def estimate(self) -> Posterior | Weights:
        """The river model's estimate, in the form that sums over partitions."""
        view: Posterior | Weights = self._estimator.view(self._known, self._pending)
        return view

    @property
    def incomplete(self) -> Incomplete | None:
        """The incomplete block, if it can be scored together with others."""
        if not isinstance(self._estimator, Bayesian) or not len(self._pending):
            return None
        if self.by_id is not None and self.by_id.pending is not None:
            return None  # its events were predicted at other places
        posterior = self._estimator.posterior()
        if posterior is None or not self._known.is_determined:
            return None
        timestamp = self.statistics.pending_timestamps[-1]
        return Incomplete(self._known, posterior, self._pending, timestamp, self._errors)

    @cached_property
    def errors(self) -> Prequential:
        """The prequential sums."""
        if not len(self._pending):
            return self._errors
        errors = self._errors.copy()
        if self.by_id is not None and (pending := self.by_id.pending) is not None:
            served = AsServed(self._spec, pending)
            rows = self.statistics.pending_rows
            tested = served.scored(self._estimator, self._known, self._after, rows)
        else:
            tested = scored(self._estimator.score_block, self._pending, self._known, self._after)
        errors.update(*tested, self.statistics.pending_timestamps[-1])
        return errors

    @cached_property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Each challenger's errors beside the champion's, in their order.

        Where labels come later, both are tested at the label's place.
        """
        rows = self.statistics.pending_rows
        if not self.challengers or not len(rows):
            return tuple(it.sums for it in self.challengers)
        predict = self._estimator.score_block
        missed = one_step(predict, self._spec, rows, self._known, self._after)
        return tuple(it.with_pending(rows, missed) for it in self.challengers)

    @cached_property
    def _pending(self) -> Floats:
        return self._spec.events(self.statistics.pending_rows)

    @cached_property
    def _after(self) -> LeastSquares:
        return self._known.plus(self._pending)


MANY = 16
"""From so many incomplete blocks on it is quicker to score them together."""


def errors_of(views: Sequence[PartitionView]) -> list[Prequential]:
    """The prequential sums of each."""
    blocks = {at: found for at, view in enumerate(views) if (found := view.incomplete) is not None}
    together = score([*blocks.values()]) if len(blocks) >= MANY else []
    scored_so = dict(zip(blocks, together, strict=False))
    return [scored_so.get(at) or view.errors for at, view in enumerate(views)]
