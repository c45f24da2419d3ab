"""A partition's state at one moment, for the threads that answer."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from consumer.model.estimators.bayesian import Posterior
from consumer.model.estimators.estimator import Estimator, scored
from consumer.model.estimators.gradient import Weights
from consumer.model.prequential import Prequential
from consumer.model.statistics.factor import Floats, with_constant
from consumer.model.statistics.least_squares import LeastSquares
from consumer.model.statistics.running import StatisticsView
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
    """

    position: int
    counts: dict[Outcome, int]
    statistics: StatisticsView
    _columns: NDArray[np.intp]
    _known: LeastSquares
    _estimator: Estimator
    _errors: Prequential

    @property
    def answers(self) -> bool:
        """Whether this partition alone determines all coefficients."""
        return self._after.answers

    @cached_property
    def estimate(self) -> Posterior | Weights:
        """The river model's estimate, in the form that sums over partitions."""
        view: Posterior | Weights = self._estimator.view(self._known, self._pending)
        return view

    @cached_property
    def errors(self) -> Prequential:
        """The prequential sums."""
        if not self.statistics.pending:
            return self._errors
        errors = self._errors.copy()
        tested = scored(self._estimator.score_block, self._pending, self._known, self._after)
        errors.update(*tested, self.statistics.pending_timestamps[-1])
        return errors

    @cached_property
    def _pending(self) -> Floats:
        return with_constant(self.statistics.pending_rows()[:, self._columns])

    @cached_property
    def _after(self) -> LeastSquares:
        return self._known.plus(self._pending)
