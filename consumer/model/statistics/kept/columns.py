"""From rows of fields to the columns that regressions are made of. Pure.

A row has a number for each field; a category's is the place of its level. The design has a column
for the intercept and one for each product that the model keeps: of numbers, and of indicators of
levels. In a model of flat numbers the products are the fields themselves.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from consumer.decode import Formula
from consumer.model.statistics.factor import Floats, with_constant

Part = tuple[int, int | None]
"""A field's number among the row's, and the level's place if its indicator is meant."""


@dataclass(frozen=True)
class Columns:
    """The columns that are kept, after the intercept.

    Attributes:
        fields: The names of a row's numbers.
        products: What is multiplied for each; None: each field is a column.
        keeps_pairs: Whether the products of every two are kept too, for robust errors.
    """

    fields: tuple[str, ...]
    products: tuple[tuple[Part, ...], ...] | None = None
    keeps_pairs: bool = False

    @property
    def k(self) -> int:
        """How many there are."""
        return len(self.fields if self.products is None else self.products)

    @property
    def whole(self) -> bool:
        """Whether every row has every number."""
        return self.products is None

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The column of each field that is a column itself, by its name; the intercept's is 0."""
        products = self.products or tuple(((j, None),) for j in range(len(self.fields)))
        found = enumerate(products, start=1)
        return {
            self.fields[it[0][0]]: number
            for number, it in found
            if len(it) == 1 and it[0][1] is None
        }

    @cached_property
    def indicators(self) -> dict[tuple[str, int], int]:
        """The column of each level's indicator, by its category and its place."""
        return {
            (self.fields[it[0][0]], it[0][1]): number
            for number, it in enumerate(self.products or (), start=1)
            if len(it) == 1 and it[0][1] is not None
        }

    def design(self, rows: Floats) -> Floats:
        """The design of rows, shape (m, fields): the intercept and the columns, shape (m, 1 + k).

        Where a row lacks a number, 0.
        """
        if self.products is None:
            return with_constant(rows)
        rows = np.nan_to_num(rows, nan=0.0)  # no indicator is that of place 0
        design = np.empty((len(rows), 1 + self.k))
        design[:, 0] = 1.0
        (numbers, fields), (levels, of, places) = self._numbers_at, self._levels_at
        design[:, numbers] = rows[:, fields]
        design[:, levels] = rows[:, of] == places
        for column, (first, *others) in self._products_at:
            design[:, column] = _values(rows, first)
            for part in others:
                design[:, column] *= _values(rows, part)
        return design

    @cached_property
    def _numbers_at(self) -> tuple[list[int], list[int]]:
        """The columns that are fields, and these."""
        found = {it[0][0]: at for at, it in self._single if it[0][1] is None}
        return [*found.values()], [*found]

    @cached_property
    def _levels_at(self) -> tuple[list[int], list[int], list[int]]:
        """The columns that are indicators, their categories, and the levels' places."""
        found = [(at, it[0][0], it[0][1]) for at, it in self._single if it[0][1] is not None]
        columns, fields, places = zip(*found, strict=True) if found else ((), (), ())
        return [*columns], [*fields], [*places]

    @property
    def _single(self) -> Iterable[tuple[int, tuple[Part, ...]]]:
        return [(at, it) for at, it in enumerate(self.products or (), start=1) if len(it) == 1]

    @cached_property
    def _products_at(self) -> list[tuple[int, tuple[Part, ...]]]:
        """The columns that are products of several parts."""
        return [(at, it) for at, it in enumerate(self.products or (), start=1) if len(it) > 1]

    def without(self, fields: frozenset[int]) -> NDArray[np.intp]:
        """The numbers of the columns that need none of these fields, the intercept's among them."""
        return np.array(
            [number for number, its in enumerate(self._needs) if its.isdisjoint(fields)]
        )

    def needs(self, columns: Iterable[int]) -> frozenset[int]:
        """The fields that these columns, by their numbers, are made of."""
        return frozenset[int]().union(*(self._needs[number] for number in columns))

    @cached_property
    def _needs(self) -> tuple[frozenset[int], ...]:
        if self.products is None:
            return (frozenset(), *(frozenset((field,)) for field in range(len(self.fields))))
        return (frozenset(), *(frozenset(field for field, _ in it) for it in self.products))


def _values(rows: Floats, part: Part) -> Floats:
    field, place = part
    values = rows[:, field]
    return values if place is None else (values == place).astype(np.float64)


class Selection:
    """A formula's columns and then its target, of matrices whose columns are the kept ones.

    Attributes:
        needs: The fields that they are made of, by their numbers.
    """

    def __init__(self, formula: Formula, columns: Columns) -> None:
        if formula.columns is None:
            sums: Sequence[tuple[tuple[int, float], ...]] = [
                ((columns.numbers[name], 1.0),) for name in (*formula.terms, formula.target)
            ]
        else:
            sums = formula.columns
        if formula.intercept:
            sums = [((0, 1.0),), *sums]
        self.needs = columns.needs(number for each in sums for number, _ in each)
        self._columns = columns
        self._fields = None
        if columns.whole and formula.intercept:  # of flat numbers: no other columns need be made
            self._fields = np.array([each[0][0] - 1 for each in sums[1:]])
        self._weights: Floats | None = None
        self._index = np.array([each[0][0] if each else 0 for each in sums])
        if any(len(each) != 1 or each[0][1] != 1 for each in sums):
            self._weights = np.zeros((1 + columns.k, len(sums)))
            for column, each in enumerate(sums):
                for number, weight in each:
                    self._weights[number, column] = weight

    def __call__(self, matrix: Floats) -> Floats:
        """The columns of the matrix, shape (m, 1 + k), that the formula takes: (m, p + 1)."""
        if self._weights is None:
            return matrix[:, self._index]
        return np.asarray(matrix @ self._weights)

    def serves(self, rows: Floats) -> NDArray[np.bool_]:
        """Which rows have all that the formula needs, shape (m,)."""
        return np.asarray(~np.isnan(rows[:, sorted(self.needs)]).any(axis=1))

    def events(self, rows: Floats) -> Floats:
        """The same of the rows, shape (m, fields), that lack nothing that it needs."""
        if self._fields is not None:
            return with_constant(rows[:, self._fields])
        rows = rows[self.serves(rows)]
        return np.ascontiguousarray(self(self._columns.design(rows)))
