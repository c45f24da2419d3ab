"""River's Bayesian linear regression, in blocks, with a posterior that adds up over partitions.

It is the only model river ships that equals least squares and does not depend on the order of
events (Bishop, Pattern Recognition and Machine Learning, 2006, eq. 3.50 and 3.51).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from river.linear_model import BayesianLinearRegression

from consumer.statistics.factor import Floats, finite, lower_solve

ALPHA = 1e-6
"""The prior's precision: so small that the posterior mean is the least-squares solution."""

MAX_LEVERAGE = 1e4
"""How surprising a row may be, in noise variances, for its block to be folded as one: above it the
innovations of the block lose digits, and its events are learned one by one."""

WELL_CONDITIONED = 1e12
"""A matrix of a condition number below has an inverse with four digits at least."""


@dataclass(frozen=True, slots=True)
class Posterior:
    """What a Bayesian regression knows, in the form that adds up.

    Attributes:
        precision: X'X of the events plus the prior's ALPHA on the diagonal, shape (p, p).
        eta: X'y of the events, shape (p,).
    """

    precision: Floats
    eta: Floats


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
        self._ss_arr[:p, :p] = finite(state["ss"], (p, p))
        self._ss_inv_arr[:p, :p] = finite(state["ss_inv"], (p, p))
        self._eta_arr[:p] = finite(state["eta"], (p,))
        self._m_dirty = True


def _make_symmetric(covariance: Floats) -> None:
    """In place: what is not symmetric in its rounding would grow with every block."""
    covariance += covariance.T.copy()
    covariance *= 0.5
