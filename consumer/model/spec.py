"""The model spec."""

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
