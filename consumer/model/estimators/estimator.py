"""River's regressions behind one protocol, and their sum over partitions."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from consumer.model.estimators.bayesian import Bayesian
from consumer.model.estimators.gradient import StochasticGradient, Weights
from consumer.model.estimators.posterior import Posterior, mean
from consumer.model.statistics.ahead import Ahead
from consumer.model.statistics.factor import Floats
from consumer.model.statistics.least_squares import LeastSquares, Places, one_step_ahead

Block = Callable[[Floats, Ahead | None, LeastSquares, LeastSquares], Ahead]


class Estimator(Protocol):
    """A river regressor that learns in blocks, and whose state is plain JSON."""

    def learn_block(
        self, rows: Floats, exact: Ahead | None, before: LeastSquares, after: LeastSquares
    ) -> Ahead: ...
    def score_block(
        self, rows: Floats, exact: Ahead | None, before: LeastSquares, after: LeastSquares
    ) -> Ahead: ...
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

    def instead_of(self, ahead: Ahead, targets: Floats) -> Ahead:
        """What was predicted of the events, of those with their labels in place as given."""
        return Ahead(
            np.where(self.own, ahead.errors, targets - self.predictions),
            np.where(self.own, ahead.spread, np.nan),
            ahead.df,
        )


def scored(
    predict: Block,
    events: Floats,
    before: LeastSquares,
    after: LeastSquares,
    served: Served | None = None,
) -> tuple[Floats, Ahead]:
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
        The targets that are scored, shape (m,), and what was predicted of each.
    """
    exact = exact_ahead(events, before, after)
    ahead = predict(events, exact, before, after)
    targets = events[:, -1]
    if served is not None:
        missed = ahead.errors
        if exact is not None:
            missed = np.where(np.isnan(exact.errors), np.nan, missed)
        return targets, served.instead_of(ahead._replace(errors=missed), targets)
    if exact is None:
        return targets, ahead
    answered = ~np.isnan(exact.errors)
    return targets[answered], ahead.those(answered)


def exact_ahead(events: Floats, before: LeastSquares, after: LeastSquares) -> Ahead | None:
    """What :func:`one_step_ahead` says of them if a prediction might be refused; else None."""
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
