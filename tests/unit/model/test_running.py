"""The state of one partition: what it holds, how it travels, what is not taken for one."""

from typing import Any

import numpy as np
import orjson
import pytest

from consumer.model.packed import pack
from consumer.model.replay import SavedHistory
from consumer.model.statistics.factor import triangle, with_constant
from consumer.model.statistics.kept.columns import Columns
from consumer.model.statistics.kept.history import WINDOW
from consumer.model.statistics.kept.running import BLOCK, SufficientStatistics
from consumer.model.statistics.summary import merge
from unit.streams import Rows, learned, summed

FIELDS = ("x", "y")


def rows(count: int, seed: int = 1) -> Rows:
    return [tuple(row) for row in np.random.default_rng(seed).normal(3, 2, (count, 2)).tolist()]


def test_the_factor_stands_for_the_rows() -> None:
    data = rows(1000)
    design = with_constant(np.array(data))
    factor = summed(FIELDS, data).factor
    assert np.allclose(factor.T @ factor, design.T @ design, rtol=1e-12)


def test_the_factor_is_upper_triangular_and_its_diagonal_is_not_negative() -> None:
    factor = summed(FIELDS, rows(1000)).factor
    assert np.array_equal(factor, np.triu(factor))
    assert (factor.diagonal() >= 0).all()


def test_the_factor_is_the_same_bits_wherever_its_rows_lie_in_memory() -> None:
    design = np.random.default_rng(1).normal(size=(69, 5))
    expected = triangle(design).tobytes()
    for shift in range(8):
        room = np.empty(shift + design.size)
        elsewhere = room[shift:].reshape(design.shape)
        elsewhere[:] = design
        assert triangle(elsewhere).tobytes() == expected


def test_extremes_are_those_of_all_rows_pending_or_folded() -> None:
    summary = summed(FIELDS, [*rows(BLOCK), (50.0, -50.0)])
    assert summary.high[0] == 50.0
    assert summary.low[1] == -50.0


def test_a_zero_has_one_sign_among_the_extremes() -> None:
    state = learned(FIELDS, [(0.0, -0.0), (-0.0, 0.0)] * BLOCK).to_state()
    assert orjson.dumps([state["min"], state["max"]]) == b"[[0.0,0.0],[0.0,0.0]]"


@pytest.mark.parametrize("count", [0, 1, BLOCK - 1, BLOCK, 499, 500, 501, 563, 576, 1000])
def test_the_window_holds_the_last_rows(count: int) -> None:
    data = rows(count)
    assert summed(FIELDS, data).window().tolist() == [list(row) for row in data[-WINDOW:]]


def test_the_window_of_several_partitions_is_in_the_order_of_the_timestamps() -> None:
    data = rows(1500)
    assert summed(FIELDS, data, partitions=3).window().tolist() == [
        list(row) for row in data[-WINDOW:]
    ]


def test_equal_timestamps_leave_the_order_of_the_partitions_and_of_their_logs() -> None:
    parts = [learned(("x",), [(100.0 * part + value,) for value in range(100)]) for part in (0, 1)]
    for part in parts:
        part.update((-1.0,), 50)
    window = merge([part.view() for part in parts]).window()[:, 0].tolist()
    in_turn = [float(value) for second in range(100) for value in (second, 100 + second)]
    assert window == [*in_turn[:101], -1.0, in_turn[101], -1.0, *in_turn[102:]]


def test_a_view_does_not_see_what_comes_later() -> None:
    statistics = learned(FIELDS, rows(100))
    view = statistics.view()
    before = merge([view])
    for row in rows(1000, seed=2):
        statistics.update(row, 0)
    after = merge([view])
    assert view.n == 100
    assert before.factor.tobytes() == after.factor.tobytes()
    assert before.window().tobytes() == after.window().tobytes()
    assert after.sketch("x").n == 100


def test_partitions_of_other_fields_do_not_merge() -> None:
    with pytest.raises(ValueError, match="same fields"):
        merge([SufficientStatistics(("x", "y")).view(), SufficientStatistics(("y", "x")).view()])
    with pytest.raises(ValueError, match="at least one"):
        merge([])


def test_an_empty_partition_changes_nothing() -> None:
    data = rows(700)
    alone, beside = learned(FIELDS, data).view(), SufficientStatistics(FIELDS).view()
    one, two = merge([alone]), merge([beside, alone])
    assert two.n == one.n
    assert np.allclose(two.factor, one.factor, rtol=1e-13)
    assert two.window().tobytes() == one.window().tobytes()


def test_the_largest_values_overflow_nothing() -> None:
    data = [(1e12 * sign, -1e12 * sign) for sign in (1, -1) for _ in range(1000)]
    assert np.isfinite(summed(FIELDS, data).factor).all()


def test_the_state_is_of_constant_size() -> None:
    some, more = learned(FIELDS, rows(5_000)), learned(FIELDS, rows(50_000))
    assert len(more.history.rows) == len(some.history.rows) == WINDOW
    assert all(len(text) < 14_000 for text in more.history.sketch_texts(FIELDS).values())


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 128, 499, 500, 501, 700])
def test_a_state_comes_back_as_the_same_bits(count: int) -> None:
    statistics = learned(FIELDS, rows(count))
    restored = taken_up(*travelled(statistics))
    assert restored.to_state() == statistics.to_state()
    assert restored.history_state() == statistics.history_state()
    assert restored.history.sketch_texts(FIELDS) == statistics.history.sketch_texts(FIELDS)


def test_integers_among_the_rows_leave_no_trace() -> None:
    whole, same = learned(FIELDS, [(1, 2), (3, 4)]), learned(FIELDS, [(1.0, 2.0), (3.0, 4.0)])
    assert orjson.dumps(whole.to_state()) == orjson.dumps(same.to_state())


FAULTS: list[tuple[str, object]] = [
    ("n", -1),
    ("n", True),
    ("n", 701),
    ("n", 10**9),
    ("n", None),
    ("n", "700"),
    ("factor", [[1.0, 2.0], [0.0, 1.0]]),
    ("factor", [[1.0, 2.0, 3.0], [0.0, 1.0, 1.0], [0.0, 0.0, 1.0]]),
    ("factor", [[1.0, 2.0, 3.0], [9.0, 1.0, 1.0], [0.0, 0.0, 1.0]]),
    ("factor", "R"),
    ("factor", None),
    ("min", [0.0]),
    ("min", [None, 0.0]),
    ("min", [9e9, 9e9]),
    ("max", [-9e9, -9e9]),
    ("factor", pack(np.ones(9))),
    ("factor", pack(np.ones(4))),
    ("factor", "AAA"),
    ("rows", pack(np.ones(999))),
    ("rows", pack(np.full(1000, np.nan))),
    ("timestamps_ms", pack(np.ones(499, np.int64))),
    ("pending", pack(np.ones(121))),
    ("pending", "~"),
    ("max", ["1.0", "2.0"]),
    ("max", [True, True]),
    ("rows", []),
    ("rows", [[1.0, 2.0]] * 499),
    ("rows", [[1.0, 2.0]] * 499 + [[1.0]]),
    ("rows", [[1.0, float("nan")]] * 500),
    ("rows", [[1.0, float("inf")]] * 500),
    ("timestamps_ms", [0] * 499),
    ("timestamps_ms", [0.5] * 500),
    ("timestamps_ms", [2**63] * 500),
    ("timestamps_ms", {}),
    ("pending", []),
    ("pending", [[1.0, 2.0]] * 61),
    ("pending", [[1.0, "2.0"]] * 60),
    ("pending_timestamps_ms", [0] * 61),
    ("pending_timestamps_ms", [None] * 60),
]


@pytest.mark.parametrize(("member", "value"), FAULTS)
def test_a_damaged_state_is_not_taken_for_one(member: str, value: object) -> None:
    state, sketches = travelled(learned(FIELDS, rows(700)))
    with pytest.raises(ValueError, match=r"."):
        taken_up({**state, member: value}, sketches)


MEMBERS = {
    **SufficientStatistics(FIELDS).to_state(),
    **SufficientStatistics(FIELDS).history_state(),
}


@pytest.mark.parametrize("member", [*MEMBERS])
def test_a_state_with_a_member_missing_is_not_taken_for_one(member: str) -> None:
    state, sketches = travelled(learned(FIELDS, rows(700)))
    del state[member]
    with pytest.raises(ValueError, match=member):
        taken_up(state, sketches)


@pytest.mark.parametrize("damage", ["flipped", "short", "empty", "no base64", "missing", "number"])
def test_a_damaged_sketch_is_refused_and_does_not_bring_the_process_down(damage: str) -> None:
    state, sketches = travelled(learned(FIELDS, rows(700)))
    text = sketches["x"]
    middle = len(text) // 2
    flipped = "A" if text[middle] != "A" else "B"
    faults: dict[str, dict[str, Any]] = {
        "flipped": {**sketches, "x": text[:middle] + flipped + text[middle + 1 :]},
        "short": {**sketches, "x": text[: middle - middle % 4]},
        "empty": {**sketches, "x": ""},
        "no base64": {**sketches, "x": "~" + text[1:]},
        "missing": {"y": sketches["y"]},
        "number": {**sketches, "x": 5},
    }
    with pytest.raises(ValueError, match=r"."):
        taken_up(state, faults[damage])


def test_a_sketch_of_other_rows_is_refused() -> None:
    state, _ = travelled(learned(FIELDS, rows(700)))
    _, sketches = travelled(learned(FIELDS, rows(800)))
    with pytest.raises(ValueError, match="sketch"):
        taken_up(state, sketches)


def travelled(statistics: SufficientStatistics) -> tuple[dict[str, Any], dict[str, str]]:
    """The states of both parts, and the sketches, after a journey through JSON."""
    states = statistics.to_state() | statistics.history_state()
    state, sketches = orjson.loads(orjson.dumps([states, statistics.history.sketch_texts(FIELDS)]))
    return state, sketches


def taken_up(state: dict[str, Any], sketches: dict[str, str]) -> SufficientStatistics:
    """Statistics from both parts."""
    statistics = SufficientStatistics.from_state(FIELDS, state)
    history = SavedHistory.from_state(
        Columns(FIELDS), {"position": 0, "forwarded": "", **state}, sketches
    )
    statistics.history = history.history
    return statistics
