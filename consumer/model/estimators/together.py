"""The incomplete blocks of many partitions, scored in one go.

A partition's own score costs calls and not arithmetic: a block of a few rows takes as long as one
of 64. Over hundreds of partitions that is most of what ``train`` takes, so here each step is taken
for all partitions at once. The rules are those of ``scored``, and the errors are the same but for
rounding; what is out of the ordinary is left to it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from consumer.model.estimators.innovations import MAX_LEVERAGE, Coordinates
from consumer.model.estimators.noise import noise
from consumer.model.prequential import Block, Errors, Faded, Prequential
from consumer.model.prequential.covered import Covered
from consumer.model.prequential.errors import FADING, LARGEST_ERROR
from consumer.model.statistics.ahead import Ahead
from consumer.model.statistics.design import are_open
from consumer.model.statistics.factor import Floats
from consumer.model.statistics.least_squares import LeastSquares


class Incomplete(NamedTuple):
    """An incomplete block of a partition.

    Attributes:
        known: Least squares of the events before it.
        posterior: What an estimator has learned of these.
        rows: Its events, [1, terms, target], shape (m, p + 1), m > 0.
        timestamp: The last one's.
        errors: The sums before it.
    """

    known: LeastSquares
    posterior: Coordinates
    rows: Floats
    timestamp: int
    errors: Prequential


def score(blocks: Sequence[Incomplete]) -> list[Prequential | None]:
    """The sums with each block scored; None where it is to be scored by itself.

    All are of the same terms, and what is known before each is determined.
    """
    lengths = np.array([len(block.rows) for block in blocks])
    rows = np.zeros((len(blocks), lengths.max(), blocks[0].rows.shape[1]))
    for padded, block in zip(rows, blocks, strict=True):
        padded[: len(block.rows)] = block.rows
    errors, deviations, is_sound = _innovations([block.posterior for block in blocks], rows)
    covered = _covered([block.known for block in blocks], rows, errors, deviations, lengths)
    is_sound &= _stay_determined([block.known for block in blocks], rows, lengths)
    errors = np.clip(errors, -LARGEST_ERROR, LARGEST_ERROR)
    found = zip(blocks, is_sound, _sums(rows[:, :, -1], errors, lengths), covered, strict=True)
    return [
        block.errors.plus(Block(block.timestamp, sums, counts), faded) if sound else None
        for block, sound, (sums, faded), counts in found
    ]


def _stay_determined(
    known: Sequence[LeastSquares], rows: Floats, lengths: NDArray[np.int_]
) -> NDArray[np.bool_]:
    """Whether the events still determine every coefficient with these rows added."""
    stacked = np.concatenate((np.stack([it.factor for it in known]), rows), axis=1)
    factors = np.asarray(np.linalg.qr(stacked, mode="r"))
    n = lengths + np.array([it.n for it in known])
    closed = ~are_open(factors, n, intercept=known[0].intercept)
    coefficients = np.zeros((len(known), factors.shape[2] - 1))
    right = factors[closed, :-1, -1:]
    coefficients[closed] = np.linalg.solve(factors[closed, :-1, :-1], right)[:, :, 0]
    return closed & np.isfinite(coefficients).all(axis=1)


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # blocks that are not sound
def _covered(
    known: Sequence[LeastSquares],
    rows: Floats,
    errors: Floats,
    deviations: Floats,
    lengths: NDArray[np.int_],
) -> list[Covered]:
    """How many outcomes of each block fell into their intervals."""
    n = np.array([[float(it.n)] for it in known])
    columns = np.stack([it.factor[:, -1] for it in known])
    sd, df = noise(n, columns, errors / deviations, rows[:, :, -1])
    is_row = np.arange(errors.shape[1]) < lengths[:, None]
    spread = np.where(is_row, sd[:, :-1] * deviations, np.nan)
    return Covered.of_many(Ahead(errors, spread, df[:, :-1]))


@np.errstate(over="ignore", invalid="ignore")
def _innovations(
    posteriors: Sequence[Coordinates], rows: Floats
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Each event's target less its prediction from all before it, shape (blocks, rows).

    River's own update event by event (Sherman and Morrison), in each posterior's coordinates; with
    the predictive standard deviations in those of the noise, of the same shape, and whether no row
    has too much leverage for that. A row of zeros changes nothing.
    """
    starts, covariances, weighted = zip(*posteriors, strict=True)
    upper = np.stack([start.factor[:-1, :-1] for start in starts])
    about = np.stack([start.coefficients for start in starts])
    design = np.linalg.solve(upper.swapaxes(1, 2), rows[:, :, :-1].swapaxes(1, 2)).swapaxes(1, 2)
    targets = rows[:, :, -1] - np.einsum("bmp,bp->bm", rows[:, :, :-1], about)
    covariance = np.stack(covariances)
    mean = np.einsum("bpq,bq->bp", covariance, np.stack(weighted))
    leverage = np.einsum("bmp,bpq,bmq->bm", design, covariance, design)
    errors, variances = np.empty_like(targets), np.empty_like(targets)
    for number in range(rows.shape[1]):
        x = design[:, number]
        reach = np.einsum("bpq,bq->bp", covariance, x)
        errors[:, number] = targets[:, number] - (x * mean).sum(axis=1)
        variances[:, number] = 1 + (x * reach).sum(axis=1)
        gain = reach / variances[:, number, None]
        mean = mean + gain * errors[:, number, None]
        covariance = covariance - gain[:, :, None] * reach[:, None, :]
    is_sound = (1 + leverage.max(axis=1) <= MAX_LEVERAGE) & np.isfinite(errors).all(axis=1)
    return errors, np.sqrt(variances), is_sound


def _sums(y: Floats, errors: Floats, lengths: NDArray[np.int_]) -> list[tuple[Errors, Faded]]:
    """The sums of each block: ``Errors.of`` and ``Faded.of``; beyond a block's length all is 0."""
    age = lengths[:, None] - 1 - np.arange(errors.shape[1])
    means = y.sum(axis=1) / lengths
    weights = np.where(age >= 0, FADING ** np.maximum(age, 0), 0.0)
    magnitudes, squares = np.abs(errors), np.square(errors)
    sums = (
        magnitudes.sum(axis=1),
        squares.sum(axis=1),
        means,
        (np.square(y - means[:, None]) * (age >= 0)).sum(axis=1),
        weights.sum(axis=1),
        (weights * magnitudes).sum(axis=1),
        (weights * squares).sum(axis=1),
    )
    return [
        (Errors(int(n), *of[:4]), Faded(*of[4:]))
        for n, of in zip(lengths, np.stack(sums, axis=1).tolist(), strict=True)
    ]
