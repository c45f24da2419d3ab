"""The statistics depend on the events alone: not on partitions, calls, crashes or merge order."""

from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.decode.formula import Formula
from consumer.model.statistics.kept.running import SufficientStatistics
from consumer.model.statistics.regression import fit
from consumer.model.statistics.summary import merge

FIELDS = ("a", "b", "y")
FORMULA = Formula("y", ("a", "b"))

Row = tuple[float, ...]


@st.composite
def regression_rows(draw: st.DrawFn) -> list[Row]:
    """Rows of a regression that is well posed, at some scale and some distance from zero."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(10, 700))
    scale, offset = 10.0 ** draw(st.integers(-6, 6)), draw(st.integers(-100, 100))
    a, b, noise = random.normal(size=(3, count))
    a, b = scale * (a + offset), b - offset
    return list(zip(a.tolist(), b.tolist(), (a / scale - b + noise).tolist(), strict=True))


@settings(deadline=None)
@given(rows=regression_rows(), data=st.data())
def test_any_split_into_partitions_merged_in_any_order_gives_the_same_regression(
    rows: list[Row], data: st.DataObject
) -> None:
    count = data.draw(st.integers(1, 5))
    owners = data.draw(
        st.lists(st.integers(0, count - 1), min_size=len(rows), max_size=len(rows))
        | st.integers(1, len(rows)).map(lambda run: [i // run % count for i in range(len(rows))])
    )
    parts = [SufficientStatistics(FIELDS) for _ in range(count)]
    for timestamp_ms, (row, owner) in enumerate(zip(rows, owners, strict=True)):
        parts[owner].update(row, timestamp_ms)
    shuffled = data.draw(st.permutations([part.view() for part in parts]))

    whole = SufficientStatistics(FIELDS)
    for timestamp_ms, row in enumerate(rows):
        whole.update(row, timestamp_ms)

    one, several = merge([whole.view()]), merge(shuffled)
    assert several.n == one.n == len(rows)
    assert several.low.tolist() == one.low.tolist()
    assert several.high.tolist() == one.high.tolist()
    assert several.window().tolist() == one.window().tolist()
    expected = fit(one, FORMULA).to_reply()
    assert flat(fit(several, FORMULA).to_reply()) == pytest.approx(flat(expected), rel=1e-9)


values = st.floats(-1e12, 1e12) | st.integers(-2, 2).map(float)


@settings(deadline=None)
@given(
    rows=st.lists(st.tuples(values, values), max_size=700)
    | st.integers(0, 900).map(lambda count: [(1.0 * i, i % 7 - 0.1) for i in range(count)]),
    stamps=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=9),
    cuts=st.sets(st.integers(0, 900), max_size=5),
)
def test_a_snapshot_restored_anywhere_and_continued_is_the_same_bits(
    rows: list[Row], stamps: list[int], cuts: set[int]
) -> None:
    fields = ("x", "y")
    through, restarted = SufficientStatistics(fields), SufficientStatistics(fields)
    for position, row in enumerate(rows):
        if position in cuts:
            state = orjson.loads(orjson.dumps(restarted.to_state()))
            history = restarted.history
            restarted = SufficientStatistics.from_state(fields, state)
            restarted.history = history
        through.update(row, stamps[position % len(stamps)])
        restarted.update(row, stamps[position % len(stamps)])
    assert restarted.to_state() == through.to_state()
    assert restarted.history_state() == through.history_state()
    assert merge([restarted.view()]).factor.tobytes() == merge([through.view()]).factor.tobytes()
    assert [sketch.n for sketch in restarted.history.sketches] == [through.history.n] * 2


def flat(reply: dict[str, Any]) -> list[float]:
    """The figures of a table that do not amplify rounding, as those far out in a tail do."""
    rows = reply["coefficients"].values()
    return [
        *(row["coef"] for row in rows),
        *(row["se"] for row in rows),
        *(reply[name] for name in ("n", "r2", "residual_sd", "log_likelihood")),
    ]
