"""What a Bayesian regression knows, in the form that adds up over partitions."""

from collections.abc import Sequence
from dataclasses import dataclass

from consumer.model.statistics.factor import Floats, solve, triangle


@dataclass(frozen=True, slots=True)
class Posterior:
    """The posterior of a Bayesian regression, in the form that adds up over partitions.

    Attributes:
        rows: Events [1, terms, target] equivalent to all that was learned, shape (m, p + 1): their
            cross product is the posterior's precision, their least squares its mean.
    """

    rows: Floats


def mean(posteriors: Sequence[Posterior]) -> Floats:
    """The posterior mean over all partitions, shape (p,): the least squares of all their rows.

    Call it only if the events of all partitions determine every coefficient.
    """
    factor = triangle(*(posterior.rows for posterior in posteriors))
    return solve(factor[:-1, :-1], factor[:-1, -1])
