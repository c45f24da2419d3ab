"""The summary of the data set, against pandas."""

import numpy as np
import pandas as pd
import pytest

from consumer.decode.request_error import RequestError
from consumer.model.statistics.inference.describe import describe
from consumer.model.statistics.kept.history import WINDOW
from consumer.model.statistics.kept.running import SufficientStatistics
from consumer.model.statistics.summary import merge
from contract.messages import ErrorCode
from unit import streams
from unit.streams import Rows, summed


def rows(count: int) -> Rows:
    return [tuple(row) for row in np.random.default_rng(3).gamma(2, 50, (count, 2)).tolist()]


@pytest.mark.parametrize("partitions", [1, 3])
def test_the_reference_data_are_described_as_by_pandas(partitions: int) -> None:
    data = streams.advertising()
    description = describe(summed(streams.FIELDS, data, partitions))
    expected = pd.DataFrame(data, columns=list(streams.FIELDS)).describe()
    assert description.quantiles == "exact"
    for field in streams.FIELDS:
        assert list(description.fields[field]) == list(expected.index)
        assert description.fields[field] == pytest.approx(expected[field].to_dict(), rel=1e-12)


@pytest.mark.parametrize("count", [2, 63, 64, 65, WINDOW])
def test_quartiles_are_exact_while_the_window_holds_every_row(count: int) -> None:
    data = rows(count)
    description = describe(summed(("a", "b"), data, partitions=2))
    expected = pd.DataFrame(data, columns=["a", "b"]).describe()
    assert description.quantiles == "exact"
    assert description.fields["b"] == pytest.approx(expected["b"].to_dict(), rel=1e-12)


def test_beyond_the_window_quartiles_are_approximate_and_say_so() -> None:
    data = rows(20_000)
    description = describe(summed(("a", "b"), data, partitions=4))
    values = np.sort(np.array(data)[:, 0])
    assert description.quantiles == "approximate"
    for name, rank in {"25%": 0.25, "50%": 0.5, "75%": 0.75}.items():
        value = description.fields["a"][name] or 0.0
        # The sketch is within 0.0068 in 99 runs of 100, and beyond twice that in none.
        assert np.searchsorted(values, value) / len(values) == pytest.approx(rank, abs=0.0136)
    assert description.fields["a"]["mean"] == pytest.approx(values.mean(), rel=1e-12)
    assert description.fields["a"]["std"] == pytest.approx(values.std(ddof=1), rel=1e-12)


def test_a_single_event_has_no_standard_deviation() -> None:
    figures = describe(summed(("a",), [(5.0,)])).fields["a"]
    assert figures == {
        "count": 1, "mean": 5.0, "std": None,
        "min": 5.0, "25%": 5.0, "50%": 5.0, "75%": 5.0, "max": 5.0,
    }  # fmt: skip


def test_a_constant_field_has_exactly_its_value_and_no_deviation() -> None:
    figures = describe(summed(("a",), [(0.7,)] * 1000)).fields["a"]
    assert figures["mean"] == 0.7
    assert figures["std"] == 0.0


def test_the_figures_are_plain_numbers() -> None:
    fields = describe(summed(("a", "b"), rows(10))).fields
    assert type(fields["a"]["count"]) is int
    assert {type(value) for value in fields["b"].values()} == {int, float}


def test_no_event_is_nothing_to_describe() -> None:
    with pytest.raises(RequestError) as refused:
        describe(merge([SufficientStatistics(("a",)).view()]))
    assert refused.value.code is ErrorCode.TOO_FEW_EVENTS
