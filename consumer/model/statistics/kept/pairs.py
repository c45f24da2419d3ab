"""What robust standard errors rest on: R over the products of every two kept columns.

The sum over events of e^2 x x', e an event's residual and x its terms, is the cross product of the
columns e x. Each of these is a weighted sum of products of two kept columns, whatever formula the
residual is of. So the factor over all of those products gives the sum for every formula, and no
event is needed again. Each column is taken less its mean over the first block: else features far
from zero would lose twice the digits that they lose in a regression.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from consumer.model.packed import pack
from consumer.model.statistics.factor import Floats, count, finite, triangle
from consumer.model.statistics.kept.blocks import Gap, Rows, by_gap
from consumer.model.statistics.kept.columns import Columns

MAX_NUMBERS = 32_768
"""The most numbers in the factors of all gaps together, a quarter of a megabyte in a snapshot: with
more kinds of gaps than that, robust errors are given up."""

Places = NDArray[np.intp]


@cache
def pairs_of(k: int) -> tuple[Places, Places]:
    """The two columns of each product, by their numbers: of 1 + k columns, the intercept's 0."""
    return np.triu_indices(1 + k)


@cache
def numbers_of(k: int) -> Places:
    """The product of each two columns by its number, shape (1 + k, 1 + k)."""
    numbers = np.zeros((1 + k, 1 + k), np.intp)
    a, b = pairs_of(k)
    numbers[a, b] = numbers[b, a] = np.arange(len(a))
    return numbers


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """The factors of the complete blocks of one partition; immutable.

    Attributes:
        shift: What each column is taken less of, shape (1 + k,); empty before the first block.
        gaps: For the rows that lack the same fields, R of their products, shape (q, q) for
            q = (1 + k)(2 + k) / 2; zero where a product lacks a column.
    """

    shift: Floats = field(default_factory=lambda: np.zeros(0))
    gaps: Mapping[Gap, Rows] = field(default_factory=dict)

    def plus(self, rows: Floats, columns: Columns) -> Self | None:
        """With a complete block, shape (m, fields); None if there are too many kinds of gaps."""
        design = columns.design(rows)
        groups: Mapping[Gap, Any] = {(): slice(None)} if columns.whole else by_gap(rows)
        shift = self.shift if len(self.shift) else _shift(design, groups, columns)
        a, b = pairs_of(columns.k)
        moved = design - shift
        products = moved[:, a] * moved[:, b]
        gaps = dict(self.gaps)
        for gap, at in groups.items():
            made = products[at]
            if gap in gaps:
                known = gaps[gap]
                gaps[gap] = Rows(known.n + len(made), _factor(gap, columns, known.factor, made))
            else:
                gaps[gap] = Rows(len(made), _factor(gap, columns, made))
        if len(gaps) > len(self.gaps) and _numbers(gaps, columns) > MAX_NUMBERS:
            return None
        return type(self)(shift, dict(sorted(gaps.items())))

    def scores(self, residual: Floats, terms: Floats, needed: frozenset[int]) -> Iterator[Floats]:
        """Roots of the sum of e^2 x x' over the rows that have the needed fields.

        Args:
            residual: The weights of the kept columns in the residual e, shape (1 + k,).
            terms: Their weights in each of the terms x, shape (1 + k, p).
            needed: The fields that these are made of.

        Yields:
            Matrices of shape (q, p) whose cross products add up to the sum.
        """
        if not self.gaps:
            return
        k = len(self.shift) - 1
        # In the coordinates of what is kept: a column is the one there plus its shift.
        residual, terms = residual.copy(), terms.copy()
        residual[0] += self.shift @ residual
        terms[0] += self.shift @ terms
        weights = np.zeros((len(pairs_of(k)[0]), terms.shape[1]))
        of_both = residual[:, None, None] * terms
        np.add.at(weights, numbers_of(k).ravel(), of_both.reshape(-1, terms.shape[1]))
        for gap, rows in self.gaps.items():
            if needed.isdisjoint(gap):
                yield rows.factor @ weights

    def to_state(self, columns: Columns) -> dict[str, Any]:
        """The factors packed."""
        return {
            "shift": pack(self.shift),
            "gaps": [
                {
                    "missing": [columns.fields[it] for it in gap],
                    "n": rows.n,
                    "factor": pack(rows.factor[_kept(gap, columns)]),
                }
                for gap, rows in self.gaps.items()
            ],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any], columns: Columns) -> Self:
        """Restore from :meth:`to_state`.

        Raises:
            KeyError: A part of the state is missing.
            ValueError: It is not one of these columns.
        """
        gaps = {}
        for it in state["gaps"]:
            gap = tuple(sorted({columns.fields.index(name) for name in it["missing"]}))
            at = _kept(gap, columns)
            q = len(pairs_of(columns.k)[0])
            factor = np.zeros((q, q))
            factor[at] = finite(it["factor"], (len(at[0]),))
            gaps[gap] = Rows(count(it["n"]), factor)
        shape = (1 + columns.k,) if gaps else (0,)
        return cls(finite(state["shift"], shape), dict(sorted(gaps.items())))

    def moved(self, places: Sequence[int], gaps: Mapping[Gap, Gap], columns: Columns) -> Self:
        """Under a changed model.

        Args:
            places: Where each of the new columns stood, the intercept first; 0 where it is new.
            gaps: What each gap is now.
            columns: The new columns.
        """
        if not self.gaps:
            return self
        a, b = pairs_of(columns.k)
        at = np.asarray(places)
        stood = numbers_of(len(self.shift) - 1)[at[a], at[b]]
        of_gap: dict[Gap, list[Rows]] = {}
        for gap, rows in self.gaps.items():
            of_gap.setdefault(gaps[gap], []).append(rows)
        made = {
            gap: Rows(
                sum(rows.n for rows in parts),
                _factor(gap, columns, *(rows.factor[:, stood] for rows in parts)),
            )
            for gap, parts in sorted(of_gap.items())
        }
        return type(self)(np.where(at == 0, 0.0, self.shift[at]), made)


def _shift(design: Floats, groups: Mapping[Gap, Any], columns: Columns) -> Floats:
    """The means of the columns over the rows that have them; 0 for the intercept."""
    total, n = np.zeros(1 + columns.k), np.zeros(1 + columns.k)
    for gap, at in groups.items():
        has = columns.without(frozenset(gap))
        total[has] += design[at][:, has].sum(axis=0)
        n[has] += len(design[at])
    shift: Floats = total / np.maximum(n, 1.0)
    shift[0] = 0.0
    return shift


def _factor(gap: Gap, columns: Columns, *matrices: Floats) -> Floats:
    """R of the matrices stacked, of those products alone that need nothing of a gap."""
    if not gap:
        return triangle(*matrices)
    at = _products_without(gap, columns)
    q = matrices[0].shape[1]
    factor = np.zeros((q, q))
    factor[np.ix_(at, at)] = triangle(*(matrix[:, at] for matrix in matrices))
    return factor


def _products_without(gap: Gap, columns: Columns) -> Places:
    has = np.zeros(1 + columns.k, bool)
    has[columns.without(frozenset(gap))] = True
    a, b = pairs_of(columns.k)
    return np.flatnonzero(has[a] & has[b])


def _kept(gap: Gap, columns: Columns) -> tuple[Places, Places]:
    """Where the upper triangle of those products stands in a factor."""
    at = _products_without(gap, columns)
    upper = np.triu_indices(len(at))
    return at[upper[0]], at[upper[1]]


def _numbers(gaps: Iterable[Gap], columns: Columns) -> int:
    sizes = [len(_products_without(gap, columns)) for gap in gaps]
    return sum(q * (q + 1) // 2 for q in sizes)
