"""The model that answers: the sum over all partitions, as of their positions."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from consumer.estimator import combine
from consumer.partition import PartitionView, Recipe
from consumer.prequential import Errors, add
from contract.messages import Outcome


@dataclass(frozen=True)
class Model:
    """A sum of partition views; never changes.

    Attributes:
        recipe: What was learned from what.
        parts: The partitions it rests on, by number.
    """

    recipe: Recipe
    parts: Mapping[int, PartitionView]

    @property
    def positions(self) -> dict[str, int]:
        """The position of each partition, by its number as a string (JSON has no other keys)."""
        return {str(number): view.position for number, view in sorted(self.parts.items())}

    @cached_property
    def events(self) -> int:
        """Events learned."""
        return sum(view.counts[Outcome.LEARNED] for view in self.parts.values())

    @cached_property
    def errors(self) -> Errors:
        """Prequential sums of the partitions' models."""
        return add(view.errors for view in self.parts.values())

    @cached_property
    def coefficients(self) -> dict[str, float]:
        """The river model's coefficients by term; empty before the first event."""
        if self.events == 0:
            return {}
        views = [self.parts[number].estimate for number in sorted(self.parts)]
        terms = self.recipe.terms
        return dict(zip(terms, map(float, combine(views)), strict=True))

    def predict(self, features: Mapping[str, float]) -> float:
        """The river model's prediction for the formula's features, in the target's unit."""
        intercept, *weights = self.coefficients.values()
        terms = self.recipe.formula.terms
        return intercept + float(np.dot(weights, [features[name] for name in terms]))


class Served:
    """The model as it is now, handed from the learner to whoever answers.

    The views are frozen and a swap of one reference is atomic, so no lock is held while an event
    is learned or a request answered.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.model = Model(recipe, {})

    def publish(self, views: Mapping[int, PartitionView]) -> None:
        """Serve the views of these partitions from now on. Called by one thread only."""
        self.model = Model(self.model.recipe, dict(views))
