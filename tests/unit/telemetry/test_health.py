"""What the loops report, and what follows from it."""

from consumer.telemetry.health import (
    FRESH_SECONDS,
    MAX_BEHIND,
    MAX_REPLY_SECONDS,
    MAX_SILENCE_SECONDS,
    MIN_UNSAVED_SECONDS,
    Health,
    Unsaved,
    not_ready,
    silent_loops,
)

NOW = 1000.0


def healthy() -> Health:
    return Health(
        beats={"learner": NOW, "responder": NOW},
        kafka=True,
        assignment={"learner": True, "responder": True},
        behind=0,
    )


def test_a_service_that_has_all_it_needs_is_ready() -> None:
    assert not_ready(healthy(), now=NOW) == []


def test_a_service_that_has_just_started_says_all_that_it_waits_for() -> None:
    assert not_ready(Health(), now=NOW) == [
        "Kafka does not answer",
        "no assignment yet: not started",
        "the end of the log is not known yet",
    ]


def test_a_loop_may_be_silent_for_a_while_and_is_dead_after() -> None:
    beats = {"learner": NOW, "responder": NOW - 30}
    assert silent_loops(beats, now=NOW + MAX_SILENCE_SECONDS - 30) == []
    (told,) = silent_loops(beats, now=NOW + MAX_SILENCE_SECONDS - 29)
    assert told == "responder has not turned for 61 s"


def test_a_beat_brings_a_loop_back_to_life() -> None:
    health = healthy()
    later = NOW + 2 * MAX_SILENCE_SECONDS
    assert len(silent_loops(health.beats, now=later)) == 2
    health.beat("learner", now=later)
    health.beat("responder", now=later)
    assert not_ready(health, now=later) == []


def test_a_service_with_a_silent_loop_is_not_ready() -> None:
    told = not_ready(healthy(), now=NOW + 61)
    assert told == ["learner has not turned for 61 s", "responder has not turned for 61 s"]


def test_a_service_without_kafka_is_not_ready() -> None:
    health = healthy()
    health.kafka = False
    assert not_ready(health, now=NOW) == ["Kafka does not answer"]


def test_a_service_is_not_ready_before_both_groups_have_given_it_its_part() -> None:
    health = healthy()
    health.assignment["responder"] = False
    assert not_ready(health, now=NOW) == ["no assignment yet: responder"]


def test_a_service_may_be_so_far_behind_and_no_farther() -> None:
    health = healthy()
    health.behind = MAX_BEHIND
    assert not_ready(health, now=NOW) == []
    health.behind = MAX_BEHIND + 1
    assert not_ready(health, now=NOW) == [
        f"{MAX_BEHIND + 1} records behind, more than {MAX_BEHIND}"
    ]


def test_every_reason_is_given() -> None:
    health = Health(
        beats={"learner": 0.0}, kafka=False, assignment={"learner": False}, behind=10**6
    )
    assert len(not_ready(health, now=NOW)) == 4


def test_state_that_is_not_saved_for_three_intervals_is_an_alarm_with_its_reason() -> None:
    health = healthy()
    health.unsaved_seconds = 30.0
    health.unsaved[2, "regression"] = Unsaved(NOW - 30.0, "too large")
    assert not_ready(health, now=NOW) == []
    assert not_ready(health, now=NOW + 1) == ["partition 2 has not been saved for 31 s: too large"]


def test_a_short_interval_does_not_make_an_alarm_of_a_leader_that_moves() -> None:
    health = healthy()
    health.unsaved_seconds = 0.03
    health.unsaved[0, "regression"] = Unsaved(NOW, "")
    assert not_ready(health, now=NOW + MIN_UNSAVED_SECONDS) == []
    assert not_ready(health, now=NOW + MIN_UNSAVED_SECONDS + 1) != []


def test_a_service_whose_replies_kafka_does_not_take_is_not_ready() -> None:
    health = healthy()
    health.oldest_reply = NOW - MAX_REPLY_SECONDS
    assert not_ready(health, now=NOW) == []
    assert not_ready(health, now=NOW + 2) == ["replies have not been delivered for 12 s"]


def test_a_lag_is_known_as_long_as_kafka_tells_of_the_log_s_end() -> None:
    health = healthy()
    assert health.lag(0, 10, now=NOW) is None
    health.note_ends({0: 25, 1: 5}, dict.fromkeys(range(3), True), now=NOW)
    assert health.lag(0, 10, now=NOW + FRESH_SECONDS) == 15
    assert health.lag(0, 30, now=NOW) == 0  # learned since Kafka told
    assert health.lag(0, 10, now=NOW + FRESH_SECONDS + 0.1) is None
    assert health.stale == {"2": None}


def test_answers_say_for_how_long_partitions_could_not_be_reached() -> None:
    health = healthy()
    health.note_ends({0: 25, 1: 5}, {0: True, 1: True}, now=NOW)
    health.note_ends({0: 26}, {0: True, 1: True}, now=NOW + 2)
    assert health.stale == {}
    health.note_ends({0: 27}, {0: True, 1: True}, now=NOW + 7.5)
    assert health.stale == {"1": 7.5}
    assert health.heard(now=NOW + 9)
    assert not health.heard(now=NOW + 11)


def test_where_there_is_no_leader_the_lag_is_unknown_at_once() -> None:
    health = healthy()
    health.note_ends({0: 25, 1: 5}, {0: True, 1: True}, now=NOW)
    health.note_ends({0: 26}, {0: True, 1: False}, now=NOW + 1)
    assert health.lag(1, 5, now=NOW + 1) is None
    assert health.stale == {"1": 1.0}


def test_partitions_that_are_not_restored_or_not_reached_are_named() -> None:
    health = healthy()
    health.unrestored, health.unknown = frozenset({3}), frozenset({2, 1})
    assert not_ready(health, now=NOW) == [
        "not restored yet: partition 3",
        "the end of the log is not known: partitions 1, 2",
    ]
