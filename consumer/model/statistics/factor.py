"""Least squares in square-root form: the upper-triangular factor R of a tall matrix.

R is the triangular factor of the rows' QR decomposition: for any choice of columns it gives the
same least squares as the rows themselves, and unlike a cross-product matrix it does not square
their condition number. Rows are added, and factors merged, by one more QR of everything stacked:
Miller, "Algorithm AS 274: Least squares routines to supplement those of Gentleman", Applied
Statistics 41 (1992); as "TSQR" in Demmel, Grigori, Hoemmen, Langou, "Communication-optimal parallel
and sequential QR and LU factorizations", SIAM J. Sci. Comput. 34 (2012).

The one module that calls LAPACK.
"""

import math
from functools import cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack
from threadpoolctl import threadpool_limits

from consumer.model.packed import unpack

Floats = NDArray[np.float64]
Number = TypeVar("Number", float, Floats)

# Several threads split sums differently, so the same events would not give the same bits; and for
# blocks of 64 rows they are many times slower.
threadpool_limits(limits=1, user_api="blas")

LARGEST = 1e100
"""The limit on magnitudes in a state: events of at most VALUE_LIMIT never reach it, and beyond it a
sum of squares might overflow."""

EPSILON = float(np.finfo(np.float64).eps)


def with_constant(rows: Floats) -> Floats:
    """The design of ``rows``, shape (m, k): a column of ones before them, shape (m, 1 + k)."""
    design = np.empty((rows.shape[0], 1 + rows.shape[1]))
    design[:, 0] = 1.0
    design[:, 1:] = rows
    return design


def triangle(*matrices: Floats) -> Floats:
    """The factor of the matrices stacked; each has k columns, the result has shape (k, k).

    Its diagonal is not negative, which makes it unique (Golub & Van Loan, "Matrix Computations",
    theorem 5.2.3). It also keeps each reflection close to the identity when a block is small
    beside what is there: a chain of folds rounds ten times less than with LAPACK's usual signs.
    """
    stacked = np.concatenate(matrices)
    height, k = stacked.shape
    if height < k:
        stacked = np.concatenate((stacked, np.zeros((k - height, k))))
    return np.where(_upper(k), lapack.dgeqrfp(stacked)[0][:k], 0.0)


@cache
def _upper(k: int) -> NDArray[np.bool_]:
    """Where a matrix of shape (k, k) is not below its diagonal."""
    return np.triu(np.ones((k, k), dtype=bool))


def solve(factor: Floats, right: Floats) -> Floats:
    """The x of ``factor @ x = right``, by back substitution; the diagonal has no zero."""
    return np.asarray(lapack.dtrtrs(factor, right)[0])


def lower_solve(factor: NDArray[Any], right: NDArray[Any]) -> Floats:
    """The x of ``factor @ x = right`` for a lower-triangular factor, by forward substitution."""
    return np.asarray(lapack.dtrtrs(factor, right, lower=1)[0])


def cholesky(matrix: Floats) -> Floats:
    """The lower-triangular L of a symmetric, positive definite matrix L L'.

    Raises:
        ValueError: It is not positive definite.
    """
    factor, info = lapack.dpotrf(matrix, lower=1, clean=1)
    if info:
        raise ValueError("the matrix is not positive definite")
    return np.asarray(factor)


def size(column: Floats) -> float:
    """The Euclidean norm, scaled so that no square overflows or vanishes."""
    return math.hypot(*column.tolist())


def finite(value: object, shape: tuple[int, ...], *, gaps: bool = False) -> Floats:
    """An array of this shape from packed doubles, at most LARGEST in magnitude.

    Or from nested lists of floats, as format 2 had them. With ``gaps``, NaN is let through.

    Raises:
        ValueError: The value is something else.
    """
    if type(value) is str:
        array = unpack(value, np.float64)
        array = array.reshape(shape) if array.size == math.prod(shape) else array
    else:
        array = np.array(value)
    if array.shape == shape and array.dtype == np.float64:
        sound = np.abs(array) <= LARGEST
        if gaps:
            sound |= np.isnan(array)
    if array.shape != shape or array.dtype != np.float64 or not sound.all():
        raise ValueError(f"expected finite numbers of shape {shape}")
    return array


def count(value: object) -> int:
    """The value as a count: an int from 0 to 2^62.

    Raises:
        ValueError: It is something else.
    """
    if type(value) is not int or not 0 <= value < 2**62:
        raise ValueError(f"{value!r} is not a count")
    return value


def rounding(n: Number) -> Number:
    """The most that rounding may leave, after n rows, of a column that should be zero.

    Relative to the column's norm. A single QR leaves a few units in the last place; a chain of them
    adds up like a random walk. Four to ten times what was measured from 64 to 4,000,000
    rows (docs/STATISTICS.md, "What rounding leaves").
    """
    root: Number = n**0.5
    return EPSILON * (4 + root / 4)


def condition_number(factor: Floats) -> float:
    """The ratio of the largest to the smallest singular value; infinite for a singular factor."""
    singular = np.linalg.svd(factor, compute_uv=False)
    return float(singular[0]) / float(singular[-1]) if singular[-1] > 0 else math.inf
