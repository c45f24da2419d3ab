"""The model: the sum over all partitions, as of their positions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, reduce
from typing import Any

import numpy as np

from consumer.decode import Formula, Rejected, RequestError
from consumer.model.challengers.comparison import NOTHING, Comparison
from consumer.model.estimators.estimator import combine
from consumer.model.late.expiries import Expiries
from consumer.model.prequential import Prequential, calibration, figures
from consumer.model.spec import ModelSpec
from consumer.model.statistics.inference.anytime import PLANNED_EVENTS, optimal_g
from consumer.model.statistics.inference.robust import Errors, with_errors
from consumer.model.statistics.kept.columns import Selection
from consumer.model.statistics.kept.quantiles import Frequent
from consumer.model.statistics.kept.running import SufficientStatistics
from consumer.model.statistics.regression import Regression, fit
from consumer.model.statistics.summary import Summary, merge
from consumer.model.view import PartitionView, errors_of
from contract.messages import Outcome

MAX_UNDECLARED = 10
MAX_FITS = 64
"""Regressions cached per model: requests may ask for any number of formulas."""


@dataclass(frozen=True)
class Model:
    """A sum of partition views; immutable.

    Attributes:
        spec: The model spec.
        parts: The views of the partitions, by number.
    """

    spec: ModelSpec
    parts: Mapping[int, PartitionView]
    _fits: dict[tuple[Formula, Errors], Regression] = field(
        default_factory=dict, init=False, repr=False
    )

    @property
    def positions(self) -> dict[str, int]:
        """The position of each partition, by its number as a string (JSON keys are strings)."""
        return {str(number): view.position for number, view in sorted(self.parts.items())}

    def position(self, number: int) -> int:
        """The position of a partition; 0 where nothing is known of it."""
        view = self.parts.get(number)
        return 0 if view is None else view.position

    @cached_property
    def events(self) -> int:
        """Events learned."""
        return sum(view.counts[Outcome.LEARNED] for view in self.parts.values())

    @cached_property
    def outcomes(self) -> dict[str, int]:
        """How many events had each outcome."""
        views = self.parts.values()
        return {it.value: sum(view.counts[it] for view in views) for it in Outcome}

    @cached_property
    def expiries(self) -> Expiries:
        """What became of the events whose labels did not come in time."""
        views = (view.by_id for view in self.parts.values())
        return reduce(Expiries.plus, (it.expiries for it in views if it is not None), Expiries())

    @property
    def last_refused(self) -> Rejected | None:
        """Why a refused event was: the last of a partition, as far as this process has seen it."""
        return next((it.last_refused for it in self.parts.values() if it.last_refused), None)

    def undeclared(self, name: str) -> dict[str, int]:
        """The most frequent texts that are not levels of a category, with about their counts."""
        found = [view.undeclared[name] for view in self.parts.values() if name in view.undeclared]
        return Frequent.merged(found).most(MAX_UNDECLARED) if found else {}

    @cached_property
    def summary(self) -> Summary:
        """The sum of the partitions' statistics."""
        views = [self.parts[number].statistics for number in sorted(self.parts)]
        return merge(views or [SufficientStatistics(self.spec.columns).view()])

    def fit(self, formula: Formula, errors: Errors = Errors.CLASSICAL) -> Regression:
        """The exact regression of any formula over the fields; cached.

        Raises:
            RequestError: The events do not determine it, or what these errors need is not kept.
        """
        found = self._fits.get((formula, errors))  # other threads may clear them
        if found is None:
            needed = Selection(formula, self.spec.columns).needs
            summary = self.summary.over(needed)
            found = with_errors(fit(summary, formula), summary, errors)
            if len(self._fits) >= MAX_FITS:
                self._fits.clear()
            self._fits[formula, errors] = found
        return found

    @cached_property
    def errors(self) -> dict[str, Any]:
        """The prequential figures; each event is predicted by its partition's model before it."""
        return figures(self._prequential)

    @cached_property
    def calibration(self) -> dict[str, Any]:
        """How often the outcomes fell into the intervals of these predictions; empty without any.

        A stochastic gradient's predictions have none.
        """
        return calibration(self._prequential) if self.spec.has_intervals else {}

    @cached_property
    def _prequential(self) -> list[Prequential]:
        return errors_of([self.parts[number] for number in sorted(self.parts)])

    @cached_property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Each challenger beside the champion, in their order; each sums its partitions."""
        parts = [self.parts[number].comparisons for number in sorted(self.parts)]
        nothing = (NOTHING,) * len(self.spec.challengers)
        return tuple(reduce(Comparison.plus, its) for its in zip(nothing, *parts, strict=True))

    def challengers(self, planned_events: int = PLANNED_EVENTS) -> list[dict[str, Any]]:
        """Each challenger's figures, with its formula, in the order of the model file.

        ``since`` tells by partition from which position it is compared, if not from the first.

        Args:
            planned_events: The number of events at which the intervals are narrowest.
        """
        g = optimal_g(planned_events, 1)
        found = []
        for at, spec in enumerate(self.spec.challengers):
            figures = {"formula": str(spec.formula), **self.comparisons[at].figures(g)}
            since = {
                str(number): begun
                for number, view in sorted(self.parts.items())
                if (begun := view.challengers[at].since) is not None
            }
            found.append(figures | ({"since": since} if since else {}))
        return found

    def since(self, name: str) -> dict[str, int]:
        """By partition, from which position a field that was added is known.

        Of ``formula``: from where the prequential errors count. Empty if the model was not changed.
        """
        found = {}
        for number, view in sorted(self.parts.items()):
            known = view.since if name == "formula" else view.since.get("fields", {})
            if name in known:
                found[str(number)] = known[name]
        return found

    @cached_property
    def coefficients(self) -> dict[str, float]:
        """The river model's coefficients by term; empty while predictions are refused."""
        try:
            self.fit(self.spec.formula)
        except RequestError:
            return {}
        views = [self.parts[number].estimate for number in sorted(self.parts)]
        return self.spec.by_term(combine(views))

    def prepare(self) -> None:
        """Compute now what predictions of the configured formula rest on."""
        _ = self.coefficients

    def predict(self, features: Mapping[str, float]) -> float:
        """The river model's prediction for the formula's features, in the target's unit.

        Call it only if :meth:`fit` does not refuse the configured formula.
        """
        formula = self.spec.formula
        weights = list(self.coefficients.values())
        intercept = weights.pop(0) if formula.intercept else 0.0
        return intercept + float(np.dot(weights, [features[name] for name in formula.terms]))
