"""Which histories are worth saving."""

from hypothesis import given
from hypothesis import strategies as st

from consumer.model import WINDOW
from consumer.state.pace import QUIET_SECONDS, Unsaved, worth_saving

NOW = 1000.0


def busy(partition: int, events: int, saved_rows: int = WINDOW, rows: int = 2 * WINDOW) -> Unsaved:
    return Unsaved(partition, events, rows, saved_rows, NOW)


def test_nothing_is_saved_while_little_would_be_read_again() -> None:
    assert worth_saving([busy(0, 400), busy(1, 600)], 1000, NOW) == []


def test_the_furthest_behind_is_saved_first_and_no_more_than_it_takes() -> None:
    histories = [busy(0, 400), busy(1, 700), busy(2, 500), busy(3, 1)]
    assert worth_saving(histories, 1000, NOW) == [1]
    assert worth_saving(histories, 500, NOW) == [1, 2]
    assert worth_saving(histories, 0, NOW) == [1, 2, 0, 3]


def test_one_that_is_quiet_is_saved_however_little_it_lacks() -> None:
    quiet = Unsaved(1, 1, WINDOW + 64, WINDOW, NOW - QUIET_SECONDS)
    assert worth_saving([busy(0, 400), quiet], 1000, NOW) == [1]


def test_a_small_one_is_saved_each_time_its_rows_have_doubled_until_its_window_is_full() -> None:
    sizes = [(0, 64), (64, 127), (64, 128), (448, 895), (448, 896), (WINDOW, 2 * WINDOW)]
    histories = [busy(number, 64, *size) for number, size in enumerate(sizes)]
    assert worth_saving(histories, 1000, NOW) == [0, 2, 4]


@given(st.lists(st.integers(1, 10_000)), st.integers(0, 20_000))
def test_what_remains_is_bounded(events: list[int], most: int) -> None:
    chosen = worth_saving([busy(number, it) for number, it in enumerate(events)], most, NOW)
    assert sum(it for number, it in enumerate(events) if number not in chosen) <= most
