"""River's regressions behind one protocol, and their sum over partitions."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from consumer.model.estimators.bayesian import Bayesian
from consumer.model.estimators.gradient import StochasticGradient, Weights
from consumer.model.estimators.posterior import Posterior, mean
from consumer.model.statistics.factor import Floats
from consumer.model.statistics.least_squares import LeastSquares, Places, one_step_ahead

Block = Callable[[Floats, Floats | None, LeastSquares, LeastSquares], Floats]


class Estimator(Protocol):
    """A river regressor that learns in blocks, and whose state is plain JSON."""

    def learn_block(
        self, rows: Floats, exact: Floats | None, before: LeastSquares, after: LeastSquares
    ) -> Floats: ...
    def score_block(
        self, rows: Floats, exact: Floats | None, before: LeastSquares, after: LeastSquares
    ) -> Floats: ...
    def predict_after(
        self, known: LeastSquares, rows: Floats, questions: Floats, places: Places
    ) -> Floats: ...
    def state(self) -> dict[str, Any]: ...
    def restore(self, state: dict[str, Any]) -> None: ...
    def copy(self) -> Self: ...
    def view(self, known: LeastSquares, more: Floats) -> Any: ...  # noqa: ANN401 - each learner has its own view


LEARNERS: dict[str, type[Bayesian | StochasticGradient]] = {
    "bayesian": Bayesian,
    "sgd": StochasticGradient,
}


class Served(NamedTuple):
    """What was predicted of events that got their labels later.

    Attributes:
        own: Whether an event had its label in its own place, shape (n,).
        predictions: Of the others; NaN if it would have been refused; shape (n,).
    """

    own: NDArray[np.bool_]
    predictions: Floats


def scored(
    predict: Block,
    events: Floats,
    before: LeastSquares,
    after: LeastSquares,
    served: Served | None = None,
) -> tuple[Floats, Floats]:
    """Test each event by what was known before it.

    Only predictions that the service would have given are scored: one from too few events, or
    from a field that has not varied yet, would be refused.

    Args:
        predict: An estimator's ``learn_block``, which learns them too, or its ``score_block``.
        events: [1, terms, target], shape (n, p + 1).
        before: Least squares of all events before these.
        after: Least squares including these.
        served: What was predicted earlier, where labels come later.

    Returns:
        The targets that are scored, and target less prediction for each, shapes (m,); NaN without
        a prediction.
    """
    exact = exact_errors(events, before, after)
    missed = predict(events, exact, before, after)
    targets = events[:, -1]
    if served is not None:
        if exact is not None:
            missed = np.where(np.isnan(exact), np.nan, missed)
        return targets, np.where(served.own, missed, targets - served.predictions)
    if exact is None:
        return targets, missed
    answered = ~np.isnan(exact)
    return targets[answered], missed[answered]


def exact_errors(events: Floats, before: LeastSquares, after: LeastSquares) -> Floats | None:
    """The events' errors by :func:`one_step_ahead` if a prediction might be refused; else None."""
    return None if before.is_determined and after.is_determined else one_step_ahead(before, events)


def combine(views: Sequence[Posterior | Weights]) -> Floats:
    """The coefficients of the model over all partitions, shape (p,), the intercept first.

    Posteriors add up; stochastic-gradient weights are averaged by events. Call it only if the
    events of all partitions determine every coefficient.
    """
    posteriors = [view for view in views if isinstance(view, Posterior)]
    if posteriors:
        return mean(posteriors)
    weights = [view for view in views if isinstance(view, Weights)]
    shares = [view.n for view in weights]
    return np.average([view.coefficients for view in weights], axis=0, weights=shares)
