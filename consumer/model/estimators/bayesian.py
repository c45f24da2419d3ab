"""River's Bayesian linear regression, in coordinates in which its prior is the first events.

River's regression starts from the prior N(0, I / alpha) on the coefficients that it is given, so
on raw features its answer depends on where their zero lies and in what unit they are. Here it is
given other coordinates. When the first events determine every coefficient, their factor
``[[U, z], [0, s]]`` (``statistics.least_squares``) gives the features ``x U^-1`` and the target
``y - x b``, b the solution of ``U b = z``: in these, what the first events know is precisely the
prior N(0, I). River learns every event after them, and knows what a regression without any prior
would know.

This is the exact start of a diffuse filter: Durbin & Koopman, "Time Series Analysis by State Space
Methods", 2nd ed. (2012), chapter 5. The posterior is Bishop's, "Pattern Recognition and Machine
Learning" (2006), eq. 3.50 and 3.51; its mean is the least-squares solution.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from river.linear_model import BayesianLinearRegression

from consumer.decode import INTERCEPT
from consumer.model.estimators.innovations import Coordinates, Innovations, innovations
from consumer.model.estimators.noise import noise
from consumer.model.estimators.posterior import Posterior
from consumer.model.statistics.ahead import Ahead
from consumer.model.statistics.factor import Floats, cholesky, count, finite, lower_solve
from consumer.model.statistics.least_squares import (
    LeastSquares,
    Places,
    one_step_ahead,
    predicted_after,
)

MAX_PRECISION = 1e6
"""How far the precision may grow from its initial identity: the covariance is updated by
subtraction, and loses as many digits."""


class Bayesian:
    """River's regression of a formula, started once the events determine every coefficient.

    Args:
        terms: The features' names, the intercept first.
    """

    def __init__(self, terms: Sequence[str]) -> None:
        self.terms = tuple(terms)
        self._start: LeastSquares | None = None
        self._river = self._new_river()
        self._learned: Floats | None = None  # its posterior, once it was asked for

    def learn_block(
        self, rows: Floats, exact: Ahead | None, before: LeastSquares, after: LeastSquares
    ) -> Ahead:
        """Learn a block of events, each predicted first.

        Args:
            rows: The events, [1, terms, target], shape (n, p + 1).
            exact: What :func:`one_step_ahead` says of them if the prediction of any would be
                refused; else None.
            before: Least squares of the events before the block.
            after: Least squares including the block.

        Returns:
            Each event, predicted from all before it.
        """
        found = self._innovations(rows) if exact is None else None
        self._learned = None
        if found is not None:
            self._learn(found)
        if found is None or self._river._ss_arr.diagonal().max() > MAX_PRECISION:
            self.start_from(after)
        return self._ahead(found, rows, exact, before)

    def score_block(
        self, rows: Floats, exact: Ahead | None, before: LeastSquares, _after: LeastSquares
    ) -> Ahead:
        """What :meth:`learn_block` would return; nothing is learned."""
        found = self._innovations(rows) if exact is None else None
        return self._ahead(found, rows, exact, before)

    def predict_after(
        self, known: LeastSquares, rows: Floats, questions: Floats, places: Places
    ) -> Floats:
        """Predict questions between the events of a block, as ``predicted_after``, by river.

        The mean after the first i events is m + V' z over these, z the scaled innovations and V
        their ``spread``. Nothing is learned.
        """
        start, mean = self._start, self._river._ss_inv_arr @ self._river._eta_arr
        if start is None or not known.is_determined:
            return predicted_after(known, rows, questions, places)
        means = mean[np.newaxis]
        if len(rows):
            if (found := self._innovations(rows)) is None:
                return predicted_after(known, rows, questions, places)
            steps = np.cumsum(found.scaled[:, np.newaxis] * found.spread, axis=0)
            means = mean + np.concatenate((np.zeros((1, len(mean))), steps))
        design = lower_solve(start.factor[:-1, :-1].T, questions[:, :-1].T).T
        own = questions[:, :-1] @ start.coefficients
        return np.asarray(own + (design * means[places]).sum(axis=1))

    @staticmethod
    def _ahead(
        found: Innovations | None, rows: Floats, exact: Ahead | None, before: LeastSquares
    ) -> Ahead:
        if found is None:
            return one_step_ahead(before, rows) if exact is None else exact
        known = noise(before.n, before.factor[:, -1], found.scaled, rows[:, -1])
        return Ahead(found.errors, known.sd[:-1] * found.deviations, known.df[:-1])

    def posterior(self) -> Coordinates | None:
        """What it knows, in its own coordinates; None before the start."""
        if self._start is None:
            return None
        return Coordinates(self._start, self._river._ss_inv_arr, self._river._eta_arr)

    def start_from(self, known: LeastSquares) -> None:
        """Renew the coordinates; there are none until the events determine every coefficient."""
        self._start = known if known.is_determined else None
        self._river = self._new_river()

    def _innovations(self, rows: Floats) -> Innovations | None:
        """What a block says; None before the start too."""
        known = self.posterior()
        return None if known is None else innovations(known, rows)

    @np.errstate(over="ignore", invalid="ignore")
    def _learn(self, found: Innovations) -> None:
        """Learn the block that says this."""
        river, covariance = self._river, self._river._ss_inv_arr
        covariance -= found.spread.T @ found.spread
        # Asymmetry from rounding would grow with every block.
        covariance += covariance.T.copy()
        covariance *= 0.5
        river._ss_arr += found.design.T @ found.design
        river._eta_arr += found.design.T @ found.target
        river._m_dirty = True

    def view(self, known: LeastSquares, more: Floats) -> Posterior:
        """The posterior of all that was learned and of further events, which are not learned.

        Args:
            known: Least squares of what was learned, used before the start.
            more: The further events, [1, terms, target], shape (m, p + 1).
        """
        if self._start is None:
            return Posterior(np.concatenate((known.factor, more)))
        if self._learned is None:
            root = cholesky(self._river._ss_arr).T
            right = root @ self._start.factor[:-1, -1] + lower_solve(root.T, self._river._eta_arr)
            self._learned = np.column_stack((root @ self._start.factor[:-1, :-1], right))
        return Posterior(np.concatenate((self._learned, more)))

    def copy(self) -> Self:
        """An independent copy."""
        made = type(self)(self.terms)
        made._start = self._start
        for name in ("_ss_arr", "_ss_inv_arr", "_eta_arr"):
            setattr(made._river, name, getattr(self._river, name).copy())
        return made

    def state(self) -> dict[str, Any]:
        """River's arrays and the coordinates, in types that JSON round-trips exactly."""
        start = self._start
        return {
            "idx": list(self._river._idx),
            "start": None if start is None else {"n": start.n, "factor": start.factor.tolist()},
            "ss": self._river._ss_arr.tolist(),
            "ss_inv": self._river._ss_inv_arr.tolist(),
            "eta": self._river._eta_arr.tolist(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore from :meth:`state`.

        Raises:
            ValueError: The state is of other terms, or a number in it is impossible.
        """
        p = len(self.terms)
        self._learned = None
        if tuple(state["idx"]) != self.terms:
            raise ValueError("the state is of other terms")
        if (start := state["start"]) is not None:
            factor = finite(start["factor"], (p + 1, p + 1))
            self._start = LeastSquares(count(start["n"]), factor, self.terms[0] == INTERCEPT)
        self._river._ss_arr = finite(state["ss"], (p, p))
        self._river._ss_inv_arr = finite(state["ss_inv"], (p, p))
        self._river._eta_arr = finite(state["eta"], (p,))
        self._river._m_dirty = True
        for matrix in (self._river._ss_arr, self._river._ss_inv_arr):
            cholesky(matrix)
        if not np.array_equal(self._river._ss_inv_arr, self._river._ss_inv_arr.T):
            raise ValueError("the covariance is not symmetric")

    def _new_river(self) -> Any:  # noqa: ANN401 - river has no types
        """River's regression with its features fixed from the start.

        Alpha and beta are 1: the prior and the noise of the coordinates above.
        """
        river = BayesianLinearRegression(alpha=1, beta=1)
        p = len(self.terms)
        river._idx = {term: number for number, term in enumerate(self.terms)}
        river._ss_arr, river._ss_inv_arr = np.eye(p), np.eye(p)
        river._eta_arr, river._cap, river._m_dirty = np.zeros(p), p, True
        return river
