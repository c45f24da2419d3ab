"""The lag in seconds: by record time, and never longer than the partition has been behind."""

import math

from hypothesis import given
from hypothesis import strategies as st

from consumer.learn.age import Age

NOW = 1_000_000.0


def test_while_a_partition_is_behind_its_lag_is_the_age_of_the_last_record_learned() -> None:
    age = Age(learned_to=NOW)
    age.learned(int((NOW - 60) * 1000), now=NOW)
    assert age.seconds(5, now=NOW) == 60
    assert age.seconds(5, now=NOW + 1) == 61
    age.learned(int((NOW - 10) * 1000), now=NOW + 2)
    assert age.seconds(5, now=NOW + 2) == 12


def test_caught_up_it_is_none_however_old_the_last_record_is() -> None:
    age = Age(learned_to=NOW)
    age.learned(0, now=NOW)
    assert age.seconds(0, now=NOW) == 0
    assert age.seconds(0, now=NOW + 86_400) == 0


def test_the_first_event_after_a_quiet_day_makes_no_lag_of_a_day() -> None:
    age = Age(learned_to=NOW)
    age.learned(int(NOW * 1000), now=NOW)
    assert age.seconds(0, now=NOW + 86_400) == 0
    assert age.seconds(1, now=NOW + 86_401) == 1


def test_nothing_learned_since_a_restart_is_at_least_so_far_behind() -> None:
    age = Age(learned_to=NOW)
    assert age.seconds(1000, now=NOW + 30) == 30


def test_a_lag_that_is_not_known_is_no_number() -> None:
    assert math.isnan(Age(learned_to=NOW).seconds(None, now=NOW + 5))


def test_a_record_from_the_future_or_without_a_time_counts_as_of_when_it_was_learned() -> None:
    for timestamp in (int((NOW + 10_000_000) * 1000), -1):
        age = Age(learned_to=0.0)
        age.learned(timestamp, now=NOW)
        assert age.seconds(7, now=NOW + 3) == 3


@given(
    st.lists(
        st.tuples(st.integers(-1, 2**63 - 1), st.integers(0, 3), st.floats(0.0, 1e6)), max_size=30
    )
)
def test_it_is_never_negative_and_never_more_than_the_time_since_it_was_caught_up(
    turns: list[tuple[int, int, float]],
) -> None:
    now, age = NOW, Age(learned_to=NOW)
    caught_up_at = -math.inf
    for timestamp, lag, later in turns:
        now += later
        age.learned(timestamp, now=now)
        found = age.seconds(lag, now=now)
        caught_up_at = now if lag == 0 else caught_up_at
        assert 0.0 <= found <= max(0.0, now - caught_up_at)
