"""Least squares in exact arithmetic: every double is a whole number times a power of two."""

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Exact:
    """The regression of the last of some columns on all others, an intercept among them.

    Args:
        rows: All that will ever be learned or asked, shape (n, p): they say what a unit is.
    """

    def __init__(self, rows: Floats) -> None:
        columns = zip(*rows.tolist(), strict=True)
        self._units = [max(x.as_integer_ratio()[1] for x in column) for column in columns]
        p = len(self._units)
        self._sums = [[0] * (p + 1) for _ in range(p)]  # X'X, and X'y beside it
        self.n = 0

    def learn(self, row: Sequence[float]) -> None:
        whole = self._whole(row)
        for i, x in enumerate(whole[:-1]):
            for j, y in enumerate(whole):
                self._sums[i][j] += x * y
        self.n += 1

    def error(self, row: Sequence[float]) -> float:
        """The target less its prediction; NaN where no row is left over, or no unique solution."""
        solved = solve(self._sums) if self.n > len(self._sums) else None
        if solved is None:
            return math.nan
        numerators, denominator = solved
        *x, y = self._whole(row)
        missed = y * denominator - sum(a * b for a, b in zip(x, numerators, strict=True))
        return float(missed / (denominator * self._units[-1]))

    def predict(self, features: Sequence[float]) -> float:
        return -self.error([*features, 0.0])

    def coefficients(self) -> list[float]:
        """The intercept first, each in the target's unit by its feature's."""
        solved = solve(self._sums)
        assert solved is not None
        numerators, denominator = solved
        units = [1, *self._units[:-1]]
        return [
            float(Fraction(b * unit, denominator * self._units[-1]))
            for b, unit in zip(numerators, units, strict=True)
        ]

    def _whole(self, row: Sequence[float]) -> list[int]:
        return [1, *(int(Fraction(x) * unit) for x, unit in zip(row, self._units, strict=True))]


def solve(matrix: list[list[int]]) -> tuple[list[int], int] | None:
    """The solution of a system of p whole equations, shape (p, p + 1): numerators and denominator.

    Bareiss, "Sylvester's identity and multistep integer-preserving Gaussian elimination",
    Mathematics of Computation 22 (1968), in its Gauss-Jordan form. None for a singular system.
    """
    rows = [row.copy() for row in matrix]
    last = 1
    for k, _ in enumerate(rows):
        pivot = next((i for i in range(k, len(rows)) if rows[i][k]), None)
        if pivot is None:
            return None
        rows[k], rows[pivot] = rows[pivot], rows[k]
        for i, row in enumerate(rows):
            if i != k:
                rows[i] = [
                    (rows[k][k] * a - row[k] * b) // last for a, b in zip(row, rows[k], strict=True)
                ]
        last = rows[k][k]
    return [row[-1] for row in rows], last


def one_step_ahead(rows: Floats) -> Floats:
    """The error of predicting each row's target from all rows before it, shape (n,)."""
    exact, errors = Exact(rows), []
    for row in rows.tolist():
        errors.append(exact.error(row))
        exact.learn(row)
    return np.array(errors)


def learned(rows: Floats, *features: Sequence[float]) -> Exact:
    """The regression of all these rows, which will be asked for these features."""
    exact = Exact(np.vstack((rows, *([*one, 0.0] for one in features))))
    for row in rows.tolist():
        exact.learn(row)
    return exact


def prediction(rows: Floats, features: Sequence[float]) -> float:
    """Of all rows, for these features."""
    return learned(rows, features).predict(features)
