"""The settings that say what is learned."""

from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, FilePath, ValidationInfo, field_validator

from consumer.decode import RequestError, parse_formula
from consumer.decode.mapping import ModelFileError, read_model
from consumer.model import ROBUST_COLUMNS, ModelSpec
from contract.environment import Environment


class ModelSettings(Environment):
    """What is learned of FIELDS, or by a model file."""

    formula: str = Field("sales ~ tv", description="the model: target ~ features")
    learner: Literal["bayesian", "sgd"] = Field(
        "bayesian", description="bayesian (exact) or sgd (river's StandardScaler|LinearRegression)"
    )
    model: FilePath | None = Field(
        None, description="a model file, TOML: instead of FIELDS and FORMULA"
    )
    planned_events: int = Field(
        1000,
        ge=1000,
        le=10**12,
        description="the planned sample size: always-valid intervals are narrowest there",
    )
    robust_columns: int = Field(
        ROBUST_COLUMNS,
        ge=0,
        le=20,
        description="up to how many columns a model keeps what robust standard errors rest on",
    )

    @field_validator("formula")
    @classmethod
    def _formula_parses(cls, formula: str, info: ValidationInfo) -> str:
        fields = info.data.get("fields")
        if fields is not None:  # a fault of FIELDS is reported as one of FIELDS
            try:
                parse_formula(formula, fields)
            except RequestError as refusal:
                raise ValueError(refusal.message) from refusal
        return formula

    @field_validator("model")
    @classmethod
    def _model_is_usable(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        if file is None:
            return None
        for name in ("fields", "formula"):
            if (
                info.data.get(name, cls.model_fields[name].default)
                != cls.model_fields[name].default
            ):
                raise ValueError(f"has the fields and the formula: {name.upper()} must not be set")
        try:
            model = read_model(file.read_text("utf-8"))
        except ModelFileError as error:
            raise ValueError("".join(f"\n  {line}" for line in str(error).splitlines())) from error
        except (OSError, ValueError) as error:
            raise ValueError(f"cannot be read: {error}") from error
        if info.data.get("learner") == "sgd" and not model.intercept:
            raise ValueError("LEARNER=sgd needs a formula with an intercept")
        if info.data.get("learner") == "sgd" and model.challengers:
            raise ValueError("challengers need LEARNER=bayesian: sgd cannot be promoted")
        return file

    @cached_property
    def spec(self) -> ModelSpec:
        """The model that is learned."""
        if self.model is not None:
            model = read_model(self.model.read_text("utf-8"))
            return ModelSpec.of_file(model, self.learner, self.robust_columns)
        formula = parse_formula(self.formula, self.fields)
        return ModelSpec(self.fields, formula, self.learner, robust_columns=self.robust_columns)
