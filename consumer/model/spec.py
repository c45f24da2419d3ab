"""The model spec."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from consumer.decode import Decoded, EventDecoder, Formula, Record, parse_formula
from consumer.decode.mapping import INDICATED, ModelFile
from consumer.decode.mapping import Mapping as EventMapping
from consumer.model.statistics.factor import Floats, triangle
from consumer.model.statistics.kept.blocks import Rows
from consumer.model.statistics.kept.columns import Columns, Selection
from consumer.model.statistics.least_squares import LeastSquares
from contract.messages import Outcome

ROBUST_COLUMNS = 8


@dataclass(frozen=True)
class ModelSpec:
    """The fields, formula and learner: the settings that the saved state depends on.

    Attributes:
        fields: The names of a row's numbers: the fields, then the functions of them.
        formula: The model.
        learner: Which of river's regressions learns.
        mapping: Reads events by a model file; None for flat numbers.
        robust_columns: Up to how many columns the products of every two are kept.
    """

    fields: tuple[str, ...]
    formula: Formula
    learner: str = "bayesian"
    mapping: EventMapping | None = field(default=None, compare=False)
    robust_columns: int = ROBUST_COLUMNS

    @classmethod
    def of_file(cls, model: ModelFile, learner: str, robust_columns: int = ROBUST_COLUMNS) -> Self:
        """The spec of a model file."""
        formula = model.design.formula(model.formula)
        return cls(model.design.fields, formula, learner, EventMapping(model), robust_columns)

    @property
    def terms(self) -> tuple[str, ...]:
        """The names of the model's coefficients, the intercept first."""
        return self.formula.names

    @property
    def has_intervals(self) -> bool:
        """Whether predictions of the formula have intervals: those of least squares have."""
        return self.learner == "bayesian"

    @cached_property
    def columns(self) -> Columns:
        """The columns that are kept."""
        if self.mapping is None:
            kept = Columns(self.fields)
        else:
            at = {name: number for number, name in enumerate(self.fields)}
            products = self.mapping.model.design.products
            kept = Columns(
                self.fields,
                tuple(tuple((at[name], place) for name, place in it) for it in products),
            )
        return replace(kept, keeps_pairs=kept.k <= self.robust_columns)

    @cached_property
    def challengers(self) -> tuple[Self, ...]:
        """The same model with each of the formulas that are learned beside its own."""
        if self.mapping is None:
            return ()
        return tuple(replace(self, formula=self.parse(it)) for it in self.file.challengers)

    @cached_property
    def selection(self) -> Selection:
        """The configured formula's columns among them."""
        return Selection(self.formula, self.columns)

    def events(self, rows: Floats) -> Floats:
        """The formula's columns, and its target last, of the rows that have them: (n, p + 1)."""
        return self.selection.events(rows)

    @cached_property
    def decoder(self) -> EventDecoder | EventMapping:
        """What reads events to be folded: a record's value, or the whole record by a mapping."""
        return self.mapping or EventDecoder(self.fields, self.formula.target)

    @cached_property
    def _uncounted(self) -> EventMapping | None:
        return None if self.mapping is None else EventMapping(self.mapping.model, counts=False)

    def decode(self, record: Record) -> Decoded:
        """The row of a record, or what else it is; for any thread, and counted by nobody."""
        if self._uncounted is not None:
            return self._uncounted(record)
        return self.decoder(record.value)  # type: ignore[arg-type]

    @property
    def has_ids(self) -> bool:
        """Whether events are told apart by their ids."""
        return self.mapping is not None and self.mapping.model.tables.event is not None

    @property
    def has_late_labels(self) -> bool:
        """Whether labels come in records of their own."""
        return self.mapping is not None and self.mapping.labels is not None

    @property
    def counts_absence(self) -> bool:
        """Whether an event whose label never came is learned."""
        label = None if self.mapping is None else self.mapping.model.tables.label
        return label is not None and label.absent is not None

    @cached_property
    def outcomes(self) -> frozenset[Outcome]:
        """The outcomes that a record can have."""
        outcomes = {Outcome.LEARNED, Outcome.UNLABELLED, Outcome.REFUSED}
        if self.mapping is not None:
            outcomes.add(Outcome.SKIPPED)
        if self.has_ids:
            outcomes.add(Outcome.REPEATED)
        if self.has_late_labels:
            outcomes |= {Outcome.MATCHED, Outcome.WAITING}
        return frozenset(outcomes)

    def parse(self, text: str) -> Formula:
        """Read a formula; on the left the configured target may be left out.

        Raises:
            RequestError: It does not parse, or needs what is not kept.
        """
        if self.mapping is None:
            return parse_formula(text, self.fields, self.formula.target)
        return self.mapping.model.design.formula(text, self.formula.target)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The fields, without functions of them."""
        if self.mapping is None:
            return self.fields
        return self.mapping.model.design.variables.names

    @property
    def categories(self) -> Mapping[str, tuple[str, ...]]:
        """The levels of each category, the reference first."""
        return {} if self.mapping is None else self.mapping.model.design.variables.categories

    @property
    def booleans(self) -> frozenset[str]:
        """The fields that are 0 or 1."""
        return frozenset() if self.mapping is None else self.mapping.model.design.variables.booleans

    def shown(self, row: list[float]) -> list[float | str | None]:
        """A row's fields as people read them: a level by its name, None for one that it lacks."""
        return [
            None
            if math.isnan(number)
            else self.categories[name][int(number)]
            if name in self.categories
            else number
            for name, number in zip(self.names, row, strict=False)
        ]

    def sum_of(self, names: Iterable[str]) -> Formula:
        """The configured target explained by the sum of these fields."""
        target = self.formula.target
        if self.mapping is None:
            return Formula(target, tuple(names))
        return self.parse(f"{target} ~ {' + '.join(names)}")

    @property
    def sources(self) -> tuple[str, ...]:
        """The fields as a request gives them."""
        if self.mapping is None:
            return self.fields
        return tuple(it.name for it in self.mapping.model.fields)

    def needs(self, formula: Formula) -> tuple[str, ...]:
        """The fields that the terms of a formula are made of, in their order."""
        if formula.columns is None or self.mapping is None:
            return formula.terms
        products = self.columns.products or ()
        numbers = {number for each in formula.columns[:-1] for number, _ in each if number}
        named = {self.fields[part] for number in numbers for part, _ in products[number - 1]}
        for function in self.mapping.model.design.functions:
            if function.name in named:
                named |= function.fields
        return tuple(it for it in self.sources if it in named or it + INDICATED in named)

    def x(self, formula: Formula, given: Mapping[str, float]) -> dict[str, float]:
        """The formula's terms by name, from the fields' numbers; NaN where one is not given."""
        if formula.columns is None:
            return {name: given[name] for name in formula.terms}
        row = np.array([[given.get(name, np.nan) for name in self.fields]])
        values = Selection(formula, self.columns)(self.columns.design(row))[0, :-1].tolist()
        return dict(zip(formula.names, values, strict=True))

    @property
    def file(self) -> ModelFile:
        """The model file; there must be one."""
        if self.mapping is None:
            raise ValueError("a model of flat numbers has no model file")
        return self.mapping.model

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """What tells the kept columns apart, whatever their order; the intercept's is empty."""
        columns = self.columns
        products = columns.products or tuple(((j, None),) for j in range(columns.k))
        said = [
            ":".join(
                self.fields[field] if place is None else f"{self.fields[field]}[{place}]"
                for field, place in it
            )
            for it in products
        ]
        return ("", *said)

    def sources_of(self, name: str) -> frozenset[str]:
        """The fields that a number of a row is made of: itself, or those of a function."""
        functions = {it.name: it.fields for it in self.file.design.functions}
        return functions.get(name, frozenset((name.removesuffix(INDICATED), name)))

    def least_squares(self, rows: Rows) -> LeastSquares:
        """The least squares of the formula over rows that have its columns."""
        factor = triangle(self.selection(rows.factor))
        return LeastSquares(rows.n, factor, self.formula.intercept)

    def identity(self) -> dict[str, Any]:
        """What the saved state depends on, in types that JSON round-trips exactly."""
        flat = {
            "formula": str(self.formula),
            "fields": list(self.fields),
            "learner": self.learner,
        }
        if self.mapping is None:
            return flat
        return {**flat, "model": self.mapping.model.identity()}

    def by_term(self, coefficients: Iterable[float]) -> dict[str, float]:
        """Coefficients, in the order of the terms, by the name of their term."""
        return dict(zip(self.terms, map(float, coefficients), strict=True))
