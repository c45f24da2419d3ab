"""What a block of events says beyond what a Bayesian regression knows: its innovations."""

from typing import NamedTuple

import numpy as np

from consumer.model.statistics.factor import Floats, cholesky, lower_solve
from consumer.model.statistics.least_squares import LeastSquares

MAX_LEVERAGE = 1e4
"""The largest predictive variance of a row, in noise variances: beyond it the innovations of its
block lose digits, and the coordinates are renewed."""


class Coordinates(NamedTuple):
    """A posterior in coordinates of its own.

    Attributes:
        start: What the coordinates come from.
        covariance: In them, shape (p, p).
        weighted: Likewise, the precision times the mean, shape (p,).
    """

    start: LeastSquares
    covariance: Floats
    weighted: Floats


class Innovations(NamedTuple):
    """What a block of n events says beyond what is known, in the regression's coordinates.

    Attributes:
        errors: Of predicting each event from all those before it, shape (n,).
        deviations: The predictive standard deviations, in those of the noise, shape (n,).
        scaled: The errors by these, shape (n,).
        design: The features, shape (n, p).
        target: The targets, shape (n,).
        spread: ``design`` times the covariance, by the inverse of the Cholesky factor of the
            predictive covariance, shape (n, p).
    """

    errors: Floats
    deviations: Floats
    scaled: Floats
    design: Floats
    target: Floats
    spread: Floats


@np.errstate(over="ignore", invalid="ignore")
def innovations(known: Coordinates, rows: Floats) -> Innovations | None:
    """What a block says; the errors are those of learning it event by event.

    With S the block's predictive covariance and L its Cholesky factor, the errors of predicting
    each event from those before it are diag(L) L^-1 (y - X m): the innovations (Durbin & Koopman,
    section 4.3).

    Args:
        known: What is known before the block.
        rows: The events, [1, terms, target], shape (n, p + 1).

    Returns:
        None if a row has too much leverage or the predictive covariance is not positive definite.
    """
    start = known.start
    design = lower_solve(start.factor[:-1, :-1].T, rows[:, :-1].T).T
    target = rows[:, -1] - rows[:, :-1] @ start.coefficients
    spread = design @ known.covariance
    predictive = spread @ design.T
    predictive.flat[:: len(rows) + 1] += 1.0
    if not predictive.diagonal().max() <= MAX_LEVERAGE:  # also if it is NaN, after an overflow
        return None
    try:
        factor = cholesky(predictive)
    except ValueError:  # the covariance has lost too many digits
        return None
    surprise = target - spread @ known.weighted
    found = lower_solve(factor, np.column_stack((surprise, spread)))
    deviations, scaled = factor.diagonal(), found[:, 0]
    return Innovations(deviations * scaled, deviations, scaled, design, target, found[:, 1:])
