"""What learns: river's regressions behind one protocol, and their sum over partitions."""

from collections.abc import Sequence
from typing import Any, Protocol, Self

import numpy as np

from consumer.bayesian import ALPHA, Bayesian, Posterior
from consumer.gradient import StochasticGradient, Weights
from consumer.statistics.factor import Floats

Features = dict[str, float]


class Estimator(Protocol):
    """A river regressor that learns in blocks, with a state that is an open document."""

    def predict_one(self, x: Features) -> float: ...
    def learn_one(self, x: Features, y: float) -> None: ...
    def learn_block(self, rows: Floats, y: Floats) -> Floats: ...
    def state(self) -> dict[str, Any]: ...
    def restore(self, state: dict[str, Any]) -> None: ...
    def copy(self) -> Self: ...
    def view(self) -> Any: ...  # noqa: ANN401 - each learner has a view of its own


LEARNERS: dict[str, type[Bayesian | StochasticGradient]] = {
    "bayesian": Bayesian,
    "sgd": StochasticGradient,
}


def combine(views: Sequence[Posterior | Weights]) -> Floats:
    """The coefficients of the model over all partitions, shape (p,), the intercept first.

    Posteriors add up, the prior counted once. Stochastic-gradient weights are averaged by events.
    """
    posteriors = [view for view in views if isinstance(view, Posterior)]
    if posteriors:
        precision = np.sum([view.precision for view in posteriors], axis=0)
        precision -= (len(posteriors) - 1) * ALPHA * np.eye(len(precision))
        eta = np.sum([view.eta for view in posteriors], axis=0)
        try:
            return np.linalg.solve(precision, eta)
        except np.linalg.LinAlgError:  # features that repeat each other: the shortest solution
            shortest: Floats = np.linalg.lstsq(precision, eta)[0]
            return shortest
    weights = [view for view in views if isinstance(view, Weights)]
    shares = [view.n for view in weights]
    return np.average([view.coefficients for view in weights], axis=0, weights=shares)
