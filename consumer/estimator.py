"""River's online regressions, and what stands between them and a sum over partitions.

Bayesian linear regression is the only model river ships that equals least squares and does not
depend on the order of events: posteriors add up (Bishop, Pattern Recognition and Machine Learning,
2006, eq. 3.50 and 3.51), so the sum over the partitions is what one model would have learned.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from river.linear_model import BayesianLinearRegression, LinearRegression
from river.preprocessing import StandardScaler

from consumer.statistics.factor import lower_solve

INTERCEPT = "Intercept"
ALPHA = 1e-6
"""The prior's precision: so small that the posterior mean is the least-squares solution."""

Features = dict[str, float]
Floats = NDArray[np.float64]

MAX_LEVERAGE = 1e4
"""How surprising a row may be, in noise variances, for its block to be folded as one: above it the
innovations of the block lose digits, and its events are learned one by one."""

WELL_CONDITIONED = 1e12
"""A matrix of a condition number below has an inverse with four digits at least."""


class Estimator(Protocol):
    """A river regressor that learns in blocks, with a state that is an open document."""

    def predict_one(self, x: Features) -> float: ...
    def learn_one(self, x: Features, y: float) -> None: ...
    def learn_block(self, rows: Floats, y: Floats) -> Floats: ...
    def state(self) -> dict[str, Any]: ...
    def restore(self, state: dict[str, Any]) -> None: ...
    def copy(self) -> Self: ...
    def view(self) -> Any: ...  # noqa: ANN401 - each learner has a view of its own


@dataclass(frozen=True, slots=True)
class Posterior:
    """What a Bayesian regression knows, in the form that adds up.

    Attributes:
        precision: X'X of the events plus the prior's ALPHA on the diagonal, shape (p, p).
        eta: X'y of the events, shape (p,).
    """

    precision: NDArray[np.float64]
    eta: NDArray[np.float64]


class Bayesian(BayesianLinearRegression):
    """River's Bayesian regression with the prior the same way round in all that it tracks.

    River 0.26 starts both the precision and the covariance at 1/alpha; its ``learn_one`` uses the
    covariance alone, so its predictions are right, but the precision, which adds up over
    partitions, would start at 1/alpha too.

    Args:
        terms: The features' names, the intercept among them, in order.
    """

    def __init__(self, terms: Sequence[str]) -> None:
        super().__init__(alpha=ALPHA)
        self.terms = tuple(terms)
        self._ensure_features(self.terms)
        self._m_dirty = True  # known features, so there is a mean: the prior's, zero

    def _grow(self, needed: int) -> None:
        super()._grow(needed)
        # Called once, before any event: all the features are known from the start.
        np.fill_diagonal(self._ss_arr, self.alpha)

    def learn_block(self, rows: Floats, y: Floats) -> Floats:
        """Learn a block at once: the posterior and the errors of learning event after event.

        With S the block's predictive covariance and L its Cholesky factor, the errors of predicting
        each event from those before it are diag(L) L^-1 (y - X m): the innovations (Durbin &
        Koopman, "Time Series Analysis by State Space Methods", 2nd ed., section 4.3).

        Args:
            rows: The design, the intercept first, shape (n, p).
            y: The targets, shape (n,).

        Returns:
            Each event's target less its prediction from all events before it, shape (n,).
        """
        p = len(self.terms)
        covariance = self._ss_inv_arr[:p, :p]
        spread = rows @ covariance
        predictive = spread @ rows.T
        predictive.flat[:: len(y) + 1] += 1.0 / self.beta
        if predictive.diagonal().max() > MAX_LEVERAGE:
            return self._learn_singly(rows, y)
        try:
            factor = np.linalg.cholesky(predictive)
        except np.linalg.LinAlgError:  # features that all but repeat each other
            return self._learn_singly(rows, y)
        surprise = y - spread @ self._eta_arr[:p]
        innovations = lower_solve(factor, np.column_stack((surprise, spread)))
        covariance -= innovations[:, 1:].T @ innovations[:, 1:]
        _make_symmetric(covariance)
        self._ss_arr[:p, :p] += self.beta * (rows.T @ rows)
        self._eta_arr[:p] += self.beta * (rows.T @ y)
        self._m_dirty = True
        return factor.diagonal() * innovations[:, 0]

    def _learn_singly(self, rows: Floats, y: Floats) -> Floats:
        errors = np.empty(len(y))
        for i, (row, target) in enumerate(zip(rows.tolist(), y.tolist(), strict=True)):
            x = dict(zip(self.terms, row, strict=True))
            errors[i] = target - self.predict_one(x)
            self.learn_one(x, target)
        self._refresh()
        return errors

    def _refresh(self) -> None:
        """The covariance from the precision, as in river's ``learn_many``, where that is better.

        From the vague prior on, single updates lose half of the covariance's digits in the first
        few events; the precision is a sum and loses none.
        """
        p = len(self.terms)
        precision, covariance = self._ss_arr[:p, :p], self._ss_inv_arr[:p, :p]
        if np.linalg.norm(precision) * np.linalg.norm(covariance) < WELL_CONDITIONED:
            covariance[:] = np.linalg.inv(precision)
        _make_symmetric(covariance)
        self._m_dirty = True

    def copy(self) -> Self:
        """The same, to go on by itself."""
        made = type(self)(self.terms)
        made._ss_arr = self._ss_arr.copy()  # noqa: SLF001 - one of ours
        made._ss_inv_arr = self._ss_inv_arr.copy(order="F")  # noqa: SLF001
        made._eta_arr = self._eta_arr.copy()  # noqa: SLF001
        return made

    def view(self) -> Posterior:
        """The posterior as it is now."""
        p = len(self.terms)
        return Posterior(self._ss_arr[:p, :p].copy(), self._eta_arr[:p].copy())

    def state(self) -> dict[str, Any]:
        """River's arrays, as they are: the same bits after a round trip through JSON."""
        p = len(self.terms)
        return {
            "idx": list(self._idx),
            "ss": self._ss_arr[:p, :p].tolist(),
            "ss_inv": self._ss_inv_arr[:p, :p].tolist(),
            "eta": self._eta_arr[:p].tolist(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a state.

        Raises:
            ValueError: It is not of these terms, or not finite.
        """
        p = len(self.terms)
        if tuple(state["idx"]) != self.terms:
            raise ValueError("the state is of other terms")
        self._ss_arr[:p, :p] = _finite(state["ss"], (p, p))
        self._ss_inv_arr[:p, :p] = _finite(state["ss_inv"], (p, p))
        self._eta_arr[:p] = _finite(state["eta"], (p,))
        self._m_dirty = True


@dataclass(frozen=True, slots=True)
class Weights:
    """What a stochastic gradient has learned, on the raw scale of the features.

    Attributes:
        n: Events learned.
        coefficients: Intercept first, in the order of the terms.
    """

    n: int
    coefficients: NDArray[np.float64]


class StochasticGradient:
    """``StandardScaler | LinearRegression``, river's usual pipeline, for those who want it.

    Its answer depends on the order of the events, and it has no sum over partitions, only an
    average weighted by events: a reply says so.

    Args:
        terms: The features' names, the intercept first (the regression has one of its own).
    """

    def __init__(self, terms: Sequence[str]) -> None:
        self._features = tuple(terms)[1:]
        self._scaler = StandardScaler()
        self._regression = LinearRegression()
        self._n = 0

    def predict_one(self, x: Features) -> float:
        """The prediction, with the features scaled as they were when last learned."""
        return float(self._regression.predict_one(self._scaler.transform_one(self._raw(x))))

    def learn_one(self, x: Features, y: float) -> None:
        """Scale, then take one step down the gradient."""
        raw = self._raw(x)
        self._scaler.learn_one(raw)
        self._regression.learn_one(self._scaler.transform_one(raw), y)
        self._n += 1

    def learn_block(self, rows: Floats, y: Floats) -> Floats:
        """Learn a block of events, one after another: there is no shorter way.

        Args:
            rows: The design, the intercept first, shape (n, p).
            y: The targets, shape (n,).

        Returns:
            Each event's target less its prediction from all events before it, shape (n,).
        """
        errors = np.empty(len(y))
        for i, (row, target) in enumerate(zip(rows[:, 1:].tolist(), y.tolist(), strict=True)):
            x = dict(zip(self._features, row, strict=True))
            errors[i] = target - self.predict_one(x)
            self.learn_one(x, target)
        return errors

    def copy(self) -> Self:
        """The same, to go on by itself."""
        made = type(self)((INTERCEPT, *self._features))
        made.restore(self.state())
        return made

    def view(self) -> Weights:
        """The weights, undone of their scaling."""
        coefficients = [float(self._regression.intercept)]
        for name in self._features:
            deviation = self._scaler.vars[name] ** 0.5
            weight = self._regression.weights.get(name, 0.0) / deviation if deviation > 0 else 0.0
            coefficients[0] -= weight * self._scaler.means[name]
            coefficients.append(weight)
        return Weights(self._n, np.array(coefficients))

    def state(self) -> dict[str, Any]:
        """Counts, means and variances of the scaler; weights and steps of the regression."""
        return {
            "idx": list(self._features),
            "n": self._n,
            "means": [float(self._scaler.means[name]) for name in self._features],
            "vars": [float(self._scaler.vars[name]) for name in self._features],
            "weights": [float(self._regression.weights.get(n, 0.0)) for n in self._features],
            "intercept": float(self._regression.intercept),
            "steps": self._regression.optimizer.n_iterations,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a state.

        Raises:
            ValueError: It is not of these features, or not finite.
        """
        if tuple(state["idx"]) != self._features:
            raise ValueError("the state is of other terms")
        shape = (len(self._features),)
        self._n = state["n"]
        columns = (_finite(state[key], shape).tolist() for key in ("means", "vars", "weights"))
        for name, mean, variance, weight in zip(self._features, *columns, strict=True):
            self._scaler.counts[name] = self._n
            self._scaler.means[name] = mean
            self._scaler.vars[name] = variance
            if self._n:
                self._regression._weights[name] = weight  # noqa: SLF001 - river has no setter
        self._regression.intercept = float(_finite(state["intercept"], ()))
        self._regression.optimizer.n_iterations = state["steps"]

    def _raw(self, x: Features) -> Features:
        return {name: x[name] for name in self._features}


LEARNERS: dict[str, type[Bayesian | StochasticGradient]] = {
    "bayesian": Bayesian,
    "sgd": StochasticGradient,
}


def combine(views: Sequence[Posterior | Weights]) -> NDArray[np.float64]:
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
            shortest: NDArray[np.float64] = np.linalg.lstsq(precision, eta)[0]
            return shortest
    weights = [view for view in views if isinstance(view, Weights)]
    shares = [view.n for view in weights]
    return np.average([view.coefficients for view in weights], axis=0, weights=shares)


def _make_symmetric(covariance: Floats) -> None:
    """In place: what is not symmetric in its rounding would grow with every block."""
    covariance += covariance.T.copy()
    covariance *= 0.5


def _finite(value: object, shape: tuple[int, ...]) -> NDArray[np.float64]:
    array = np.asarray(value, dtype=np.float64)
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"finite numbers of shape {shape} are due")
    return array
