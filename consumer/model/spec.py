"""The model spec."""

from collections.abc import Iterable
from dataclasses import dataclass

from consumer.decode import INTERCEPT, Formula


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """The fields, formula and learner: the settings that the saved state depends on."""

    fields: tuple[str, ...]
    formula: Formula
    learner: str = "bayesian"

    @property
    def terms(self) -> tuple[str, ...]:
        """The features of the model, the intercept first."""
        return (INTERCEPT, *self.formula.terms)

    def by_term(self, coefficients: Iterable[float]) -> dict[str, float]:
        """Coefficients, in the order of the terms, by the name of their term."""
        return dict(zip(self.terms, map(float, coefficients), strict=True))
