"""How many of NIST's certified digits come out, streamed one event at a time, and merged."""

import math

import numpy as np
import pytest
from statsmodels.datasets import longley
from statsmodels.regression.linear_model import OLS
from statsmodels.tools import add_constant

from unit.nist import LONGLEY, NORRIS, WAMPLER1, Dataset
from unit.streams import fitted

CERTIFIED_DIGITS = 15

DATASETS = pytest.mark.parametrize(
    "dataset", [LONGLEY, NORRIS, WAMPLER1], ids=lambda dataset: dataset.name
)


@DATASETS
@pytest.mark.parametrize("partitions", [1, 3])
def test_no_figure_has_two_digits_less_than_statsmodels(dataset: Dataset, partitions: int) -> None:
    ours, theirs = digits_of_ours(dataset, partitions), digits_of_statsmodels(dataset)
    assert all(ours[figure] >= theirs[figure] - 1 for figure in theirs), (ours, theirs)


@DATASETS
@pytest.mark.parametrize("partitions", [1, 3])
def test_at_least_nine_certified_digits_come_out(dataset: Dataset, partitions: int) -> None:
    assert min(digits_of_ours(dataset, partitions).values()) >= 9


def test_longley_is_the_set_that_statsmodels_carries() -> None:
    theirs = longley.load_pandas()
    assert np.array_equal(np.array(LONGLEY.rows)[:, :-1], theirs.exog.to_numpy())
    assert np.array_equal(np.array(LONGLEY.rows)[:, -1], theirs.endog.to_numpy())


def digits_of_ours(dataset: Dataset, partitions: int) -> dict[str, float]:
    """Correct digits by figure, the worst coefficient's where there are several."""
    regression = fitted(dataset.fields, dataset.rows, partitions)
    rows = regression.coefficients.values()
    return {
        "coefficients": fewest([row.coef for row in rows], dataset.coefficients),
        "standard_errors": fewest([row.se for row in rows], dataset.standard_errors),
        "r2": digits(regression.quality.r2, dataset.r2),
        "residual_sd": digits(regression.quality.residual_sd, dataset.residual_sd),
    }


def digits_of_statsmodels(dataset: Dataset) -> dict[str, float]:
    """The same of statsmodels, which has all rows at once."""
    data = np.array(dataset.rows)
    result = OLS(data[:, -1], add_constant(data[:, :-1])).fit()
    return {
        "coefficients": fewest(list(result.params), dataset.coefficients),
        "standard_errors": fewest(list(result.bse), dataset.standard_errors),
        "r2": digits(result.rsquared, dataset.r2),
        "residual_sd": digits(math.sqrt(result.mse_resid), dataset.residual_sd),
    }


def fewest(estimates: list[float], certified: tuple[float, ...]) -> float:
    return min(digits(*pair) for pair in zip(estimates, certified, strict=True))


def digits(estimate: float, certified: float) -> float:
    """The log relative error, and the log absolute error of what is certified to be 0."""
    error = abs(estimate - certified) / (abs(certified) or 1)
    return CERTIFIED_DIGITS if error == 0 else min(-math.log10(error), CERTIFIED_DIGITS)
