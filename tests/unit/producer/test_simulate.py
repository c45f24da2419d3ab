"""Made-up events have the truth that is documented."""

import itertools

import numpy as np
import pytest

from producer.simulate import FIELDS, HIGHEST, simulate, truth


def test_the_same_seed_gives_the_same_events() -> None:
    assert list(simulate(3000, seed=7)) == list(simulate(3000, seed=7))


def test_another_seed_gives_others() -> None:
    assert list(simulate(10, seed=7)) != list(simulate(10, seed=8))


@pytest.mark.parametrize("count", [0, 1, 1023, 1024, 1025, 2048])
def test_fewer_events_are_the_first_of_more(count: int) -> None:
    events = list(simulate(count, seed=7))
    assert len(events) == count
    assert events == list(itertools.islice(simulate(3000, seed=7), count))


def test_the_truth_at_tv_50_is_the_documented_one() -> None:
    assert truth(50) == pytest.approx(9.40, abs=0.01)


def test_the_truth_is_a_line_in_tv() -> None:
    assert truth(100) - truth(0) == pytest.approx(4.58)
    assert truth(0) == pytest.approx(7.11, abs=0.005)


def test_an_event_has_the_four_fields_and_a_device() -> None:
    for event in simulate(2000, seed=1):
        assert tuple(event) == (*FIELDS, "device")
        assert [type(event[name]) for name in FIELDS] == [float] * 4
        assert event["device"] in ("android", "ios")
        for name, highest in zip(FIELDS, HIGHEST, strict=False):
            assert 0 <= event[name] <= highest
            assert event[name] == round(event[name], 1)


def test_what_is_left_when_the_truth_is_taken_away_is_the_documented_noise() -> None:
    rows = np.array([[event[name] for name in FIELDS] for event in simulate(40_000, seed=1)])
    noise = rows[:, 3] - (2.94 + rows[:, :3] @ [0.0458, 0.1885, -0.001])
    assert noise.std() == pytest.approx(1.69, abs=0.02)
    assert noise.mean() == pytest.approx(0, abs=0.03)
    assert np.abs(np.corrcoef(np.column_stack([rows[:, :3], noise]).T) - np.eye(4)).max() < 0.02


def test_least_squares_on_tv_alone_finds_the_truth() -> None:
    rows = np.array([[event[name] for name in FIELDS] for event in simulate(40_000, seed=1)])
    design = np.column_stack([np.ones(len(rows)), rows[:, 0]])
    intercept, slope = np.linalg.lstsq(design, rows[:, 3])[0]
    assert intercept + 50 * slope == pytest.approx(truth(50), abs=0.05)
    assert slope == pytest.approx(0.0458, abs=0.001)
