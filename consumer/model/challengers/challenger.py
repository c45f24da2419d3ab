"""A formula that is learned beside the champion, the model's own, in one partition.

Both rest on the same R: what is known of a formula follows from it at any time. Its errors one step
ahead do not, so it has an estimator of its own, of the champion's kind.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from consumer.model.challengers.comparison import NOTHING, Comparison
from consumer.model.estimators.bayesian import Bayesian
from consumer.model.estimators.estimator import Block, exact_ahead
from consumer.model.spec import ModelSpec
from consumer.model.statistics.factor import Floats, count
from consumer.model.statistics.kept.blocks import Rows
from consumer.model.statistics.least_squares import LeastSquares

Over = Callable[[frozenset[int]], Rows]
"""Gives what is kept of the rows of the complete blocks that have these fields."""


@dataclass(frozen=True, slots=True, eq=False)
class Challenger:
    """A challenger as of the complete blocks of a partition; immutable.

    Attributes:
        spec: The model's, with this formula.
        known: The least squares of the formula.
        estimator: Has learned the same; nobody changes it.
        sums: Its errors beside the champion's.
        since: The position at which it was added, if the state was begun without it; it is compared
            from the block on that was incomplete there.
    """

    spec: ModelSpec
    known: LeastSquares
    estimator: Bayesian
    sums: Comparison = NOTHING
    since: int | None = None

    @classmethod
    def begun(cls, spec: ModelSpec, over: Over, since: int | None = None) -> Self:
        """One that knows what is kept, and was not compared yet."""
        known = spec.least_squares(over(spec.selection.needs))
        estimator = Bayesian(spec.terms)
        estimator.start_from(known)
        return cls(spec, known, estimator, since=since)

    def learn_block(self, rows: Floats, champion: Floats, over: Over) -> Self:
        """Test and then train on a block that has been folded.

        Args:
            rows: Its rows, shape (n, fields).
            champion: The champion's errors on these, shape (n,); NaN without a prediction.
            over: What is kept of the rows, including these.
        """
        after = self.spec.least_squares(over(self.spec.selection.needs))
        estimator = self.estimator.copy()
        errors = one_step(estimator.learn_block, self.spec, rows, self.known, after)
        sums = self.sums.plus(Comparison.of(champion, errors))
        return replace(self, known=after, estimator=estimator, sums=sums)

    def with_pending(self, rows: Floats, champion: Floats) -> Comparison:
        """The sums with an incomplete block, whose rows are tested and not learned."""
        after = self.known.plus(self.spec.events(rows))
        errors = one_step(self.estimator.score_block, self.spec, rows, self.known, after)
        return self.sums.plus(Comparison.of(champion, errors))

    def to_state(self) -> dict[str, Any]:
        """All but what follows from the statistics, in types that JSON keeps exactly."""
        return {
            "formula": str(self.spec.formula),
            "since": self.since,
            "estimator": self.estimator.state(),
            "sums": list(self.sums),
        }

    @classmethod
    def from_state(cls, spec: ModelSpec, state: Mapping[str, Any], over: Over) -> Self:
        """Restore from :meth:`to_state`.

        Raises:
            KeyError: A part of the state is missing.
            TypeError: A part of the state has another type.
            ValueError: A number in it is impossible.
        """
        since = state["since"]
        made = cls.begun(spec, over, None if since is None else count(since))
        made.estimator.restore(state["estimator"])
        return replace(made, sums=Comparison.from_state(state["sums"]))


def one_step(
    predict: Block, spec: ModelSpec, rows: Floats, before: LeastSquares, after: LeastSquares
) -> Floats:
    """Each row's target less its prediction from all before it.

    Args:
        predict: An estimator's ``learn_block``, which learns them too, or its ``score_block``.
        spec: The formula.
        rows: Shape (n, fields).
        before: Least squares of all rows before these.
        after: Least squares including these.

    Returns:
        Shape (n,); NaN where the row lacks a field of the formula, or no answer would be given.
    """
    errors = np.full(len(rows), np.nan)
    events = spec.events(rows)
    if len(events):
        exact = exact_ahead(events, before, after)
        ahead = predict(events, exact, before, after)
        errors[spec.selection.serves(rows)] = ahead.errors
    return errors
