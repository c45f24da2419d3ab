"""The statistics of folded rows that every regression follows from: an immutable, small value.

A row may lack fields (NaN). Rows that lack the same ones have a factor of their own, so that a
regression rests on every row that has what it needs, and on no other.
"""

from collections.abc import Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from consumer.model.packed import pack
from consumer.model.statistics.factor import Floats, count, finite, triangle
from consumer.model.statistics.kept.columns import Columns

Places = NDArray[np.intp]

Gap = tuple[int, ...]
"""The fields that a row lacks, by their numbers, ascending; empty if it has all."""


class Rows(NamedTuple):
    """Rows with the same gap.

    Attributes:
        n: How many.
        factor: R of their design, the intercept first, shape (1 + k, 1 + k); zero in the columns
            that they lack, and in the rows of these.
    """

    n: int
    factor: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """The statistics of the rows folded so far: of their fields, and of the k columns kept of them.

    Attributes:
        n: How many rows.
        factor: R of the design of those without a gap, the intercept first, shape (1 + k, 1 + k).
        low: The smallest value of each field, shape (fields,); infinity before the first.
        high: The largest, likewise.
        gaps: The others, by what they lack.
    """

    n: int
    factor: Floats
    low: Floats
    high: Floats
    gaps: Mapping[Gap, Rows] = field(default_factory=dict)

    @classmethod
    def nothing(cls, fields: int, k: int) -> Self:
        """The statistics of no rows of so many fields and columns."""
        return cls(0, np.zeros((1 + k, 1 + k)), np.full(fields, np.inf), np.full(fields, -np.inf))

    def plus(self, rows: Floats, columns: Columns) -> Self:
        """The statistics with these rows added, shape (m, fields), m > 0."""
        design = columns.design(rows)
        least, most = rows.min(axis=0), rows.max(axis=0)
        gaps, factor = self.gaps, self.factor
        if not columns.whole and np.isnan(least).any():
            least, most = np.fmin.reduce(rows, axis=0), np.fmax.reduce(rows, axis=0)
            groups = by_gap(rows)
            whole = groups.pop((), [])
            if whole:
                factor = triangle(factor, design[whole])
            gaps = dict(gaps)
            for gap, at in groups.items():
                n, known = gaps.get(gap, (0, np.zeros_like(factor)))
                gaps[gap] = Rows(n + len(at), narrow(columns, gap, known, design[at]))
        else:
            factor = triangle(factor, design)
        return type(self)(
            n=self.n + len(rows),
            factor=factor,
            # Adding 0.0 turns -0.0 into 0.0: the order of the two zeros is not specified.
            low=np.fmin(self.low, least) + 0.0,
            high=np.fmax(self.high, most) + 0.0,
            gaps=dict(sorted(gaps.items())) if gaps else gaps,
        )

    def over(self, needed: frozenset[int]) -> Rows:
        """The rows that have these fields; other columns of their factor mean nothing."""
        if not self.gaps:
            return Rows(self.n, self.factor)
        return joined([Rows(self.whole, self.factor)], self.gaps, needed)

    @property
    def whole(self) -> int:
        """How many rows have no gap."""
        return self.n - sum(rows.n for rows in self.gaps.values())

    def to_state(self, columns: Columns) -> dict[str, Any]:
        """The factors packed, the extremes as lists; infinite ones, of no value, as null."""
        state: dict[str, Any] = {
            "factor": pack(self.factor),
            "min": _open(self.low) if self.n else [],
            "max": _open(self.high) if self.n else [],
        }
        if self.gaps:
            state["gaps"] = [
                {
                    "missing": [columns.fields[field] for field in gap],
                    "n": rows.n,
                    "factor": pack(rows.factor[_kept(columns, gap)]),
                }
                for gap, rows in sorted(self.gaps.items())
            ]
        return state

    @classmethod
    def from_state(cls, state: Mapping[str, Any], n: int, columns: Columns) -> Self:
        """Restore from :meth:`to_state`, the number of rows, and the columns.

        Raises:
            ValueError: No n rows have such a state.
            KeyError: A part of the state is missing.
        """
        fields, k = len(columns.fields), columns.k
        gaps = dict(_read_gap(it, columns) for it in state.get("gaps", ()))
        whole = n - sum(rows.n for rows in gaps.values())
        factor = _checked(finite(state["factor"], (1 + k, 1 + k)), whole)
        if n == 0:
            return cls.nothing(fields, k)
        low, high = (
            _closed(state[key], end, gaps) for key, end in (("min", np.inf), ("max", -np.inf))
        )
        if low.shape != (fields,) or high.shape != (fields,) or (low > high)[high > -np.inf].any():
            raise ValueError("a minimum is above its maximum")
        return cls(n, factor, low, high, gaps)


def joined(parts: Sequence[Rows], gaps: Mapping[Gap, Rows], needed: frozenset[int]) -> Rows:
    """The rows of the parts, and those whose gap has none of the needed fields."""
    serving = [*parts, *(rows for gap, rows in gaps.items() if needed.isdisjoint(gap))]
    if len(serving) == 1:
        return serving[0]
    return Rows(sum(rows.n for rows in serving), triangle(*(rows.factor for rows in serving)))


def gap_of(row: Sequence[float]) -> Gap:
    """What a row lacks."""
    return tuple(field for field, value in enumerate(row) if value != value)  # noqa: PLR0124 - NaN


def narrow(columns: Columns, gap: Gap, *matrices: Floats) -> Floats:
    """The factor of matrices with all the columns, of those alone that need nothing of a gap."""
    at = columns.without(frozenset(gap))
    factor = np.zeros((1 + columns.k, 1 + columns.k))
    factor[np.ix_(at, at)] = triangle(*(matrix[:, at] for matrix in matrices))
    return factor


def by_gap(rows: Floats) -> dict[Gap, list[int]]:
    """The numbers of the rows that lack the same, by what they lack."""
    groups: dict[Gap, list[int]] = {}
    for number, row in enumerate(rows.tolist()):
        groups.setdefault(gap_of(row), []).append(number)
    return groups


def _kept(columns: Columns, gap: Iterable[int]) -> tuple[Places, Places]:
    """Where the upper triangle of the columns that do not need these fields stands in a factor."""
    at = columns.without(frozenset(gap))
    upper = np.triu_indices(len(at))
    return at[upper[0]], at[upper[1]]


def _read_gap(state: Mapping[str, Any], columns: Columns) -> tuple[Gap, Rows]:
    gap = tuple(sorted({columns.fields.index(name) for name in state["missing"]}))
    if not gap:
        raise ValueError("a gap lacks nothing")
    at = _kept(columns, gap)
    factor = np.zeros((1 + columns.k, 1 + columns.k))
    factor[at] = finite(state["factor"], (len(at[0]),))
    n = count(state["n"])
    return gap, Rows(n, _checked(factor, n))


def _checked(factor: Floats, n: int) -> Floats:
    if np.tril(factor, -1).any() or (factor.diagonal() < 0).any():
        raise ValueError("the factor is not upper triangular with a non-negative diagonal")
    if not np.isclose(factor[0, 0] ** 2, n, rtol=1e-6):
        raise ValueError(f"the factor is not that of {n} rows")
    return factor


def _open(ends: Floats) -> list[float | None]:
    return [end if np.isfinite(end) else None for end in ends.tolist()]


def _closed(ends: object, none: float, gaps: Mapping[Gap, Rows]) -> Floats:
    """The ends of the fields; null, of one that no row has, only where there are gaps."""
    if type(ends) is list and gaps:
        known = [0.0 if end is None else end for end in ends]
        return np.where([end is None for end in ends], none, finite(known, (len(ends),)))
    return finite(ends, (len(ends),) if isinstance(ends, Sized) else ())
