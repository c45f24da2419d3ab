"""River's ``StandardScaler | LinearRegression``: a stochastic gradient, event by event."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from river.linear_model import LinearRegression
from river.preprocessing import StandardScaler

from consumer.decode import INTERCEPT
from consumer.model.statistics.ahead import Ahead
from consumer.model.statistics.factor import Floats, count, finite
from consumer.model.statistics.least_squares import LeastSquares, Places, predicted_after

Features = dict[str, float]


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights of a stochastic gradient, on the features' raw scale.

    Attributes:
        n: Events learned.
        coefficients: Intercept first, in the order of the terms.
    """

    n: int
    coefficients: Floats


class StochasticGradient:
    """``StandardScaler | LinearRegression``, river's usual pipeline.

    Its answer depends on the order of the events. Partitions do not add up but are averaged,
    weighted by events, and replies say so.

    Args:
        terms: The features' names, the intercept first (the regression has its own).
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

    def learn_block(
        self,
        rows: Floats,
        _exact: Ahead | None = None,
        _before: LeastSquares | None = None,
        _after: LeastSquares | None = None,
    ) -> Ahead:
        """Learn a block of events, one by one.

        Args:
            rows: The events, [1, terms, target], shape (n, p + 1).

        Returns:
            Each event, predicted from all before it; without an interval.
        """
        errors = np.empty(len(rows))
        for i, (_, *features, target) in enumerate(rows.tolist()):
            x = dict(zip(self._features, features, strict=True))
            errors[i] = target - self.predict_one(x)
            self.learn_one(x, target)
        return Ahead.without_intervals(errors)

    def score_block(
        self, rows: Floats, _exact: Ahead | None, _before: LeastSquares, _after: LeastSquares
    ) -> Ahead:
        """What :meth:`learn_block` would return; nothing is learned."""
        return self.copy().learn_block(rows)

    def predict_after(
        self, known: LeastSquares, rows: Floats, questions: Floats, places: Places
    ) -> Floats:
        """Predict questions between the events of a block, as ``predicted_after``, by river.

        Nothing is learned.
        """
        ahead, learned, made = self.copy(), 0, np.empty(len(questions))
        for number in np.argsort(places, kind="stable"):
            ahead.learn_block(rows[learned : places[number]])
            learned = places[number]
            features = questions[number, 1:-1].tolist()
            made[number] = ahead.predict_one(dict(zip(self._features, features, strict=True)))
        if not known.is_determined:
            made[np.isnan(predicted_after(known, rows, questions, places))] = np.nan
        return made

    def copy(self) -> Self:
        """An independent copy."""
        made = type(self)((INTERCEPT, *self._features))
        made.restore(self.state())
        return made

    def view(self, _known: LeastSquares, more: Floats) -> Weights:
        """The weights on the raw scale after further events, which are not learned.

        Args:
            more: The further events, [1, terms, target], shape (m, p + 1).
        """
        if len(more):
            ahead = self.copy()
            ahead.learn_block(more)
            return ahead.weights()
        return self.weights()

    def weights(self) -> Weights:
        """The weights on the raw scale."""
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
        """Restore from :meth:`state`.

        Raises:
            ValueError: The state is of other features, or a number in it is impossible.
        """
        if tuple(state["idx"]) != self._features:
            raise ValueError("the state is of other terms")
        shape = (len(self._features),)
        self._n = count(state["n"])
        columns = [finite(state[key], shape).tolist() for key in ("means", "vars", "weights")]
        if any(variance < 0 for variance in columns[1]):
            raise ValueError("a variance is negative")
        for name, mean, variance, weight in zip(self._features, *columns, strict=True):
            self._scaler.counts[name] = self._n
            self._scaler.means[name] = mean
            self._scaler.vars[name] = variance
            if self._n:
                self._regression._weights[name] = weight  # river has no setter
        self._regression.intercept = float(finite(state["intercept"], ()))
        self._regression.optimizer.n_iterations = count(state["steps"])

    def _raw(self, x: Features) -> Features:
        return {name: x[name] for name in self._features}
