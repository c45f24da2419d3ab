"""Rows of the tests, fed as a service would: one event at a time, into one partition or several."""

import csv
from collections.abc import Sequence
from pathlib import Path

import pytest

from consumer.decode.formula import Formula
from consumer.model.statistics.kept.running import SufficientStatistics
from consumer.model.statistics.regression import Regression, fit
from consumer.model.statistics.summary import Summary, merge

ADVERTISING = Path(__file__).parents[2].parent / "shared" / "data" / "advertising.csv"
FIELDS = ("tv", "radio", "newspaper", "sales")

Rows = Sequence[tuple[float, ...]]


def advertising() -> list[tuple[float, ...]]:
    """The reference data set, 200 rows of FIELDS; skips the test where it is not there."""
    if not ADVERTISING.exists():
        pytest.skip(f"{ADVERTISING} is not there")
    with ADVERTISING.open() as file:
        return [tuple(float(row[field]) for field in FIELDS) for row in csv.DictReader(file)]


def learned(fields: Sequence[str], rows: Rows) -> SufficientStatistics:
    """One partition after these rows, a millisecond apart."""
    statistics = SufficientStatistics(fields)
    for timestamp_ms, row in enumerate(rows):
        statistics.update(row, timestamp_ms)
    return statistics


def summed(fields: Sequence[str], rows: Rows, partitions: int = 1) -> Summary:
    """All rows, dealt to the partitions in turn, a millisecond apart."""
    parts = [SufficientStatistics(fields) for _ in range(partitions)]
    for timestamp_ms, row in enumerate(rows):
        parts[timestamp_ms % partitions].update(row, timestamp_ms)
    return merge([part.view() for part in parts])


def fitted(fields: Sequence[str], rows: Rows, partitions: int = 1) -> Regression:
    """The regression of the last field on all the others."""
    return fit(summed(fields, rows, partitions), Formula(fields[-1], tuple(fields[:-1])))
