"""Faults that last are told once a minute, and when they are over."""

import structlog

from consumer.telemetry.faults import REPEAT_SECONDS, FaultKind, Faults


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_fault_that_is_seen_all_the_time_is_told_once_a_minute() -> None:
    clock = Clock()
    faults = Faults(clock)
    with structlog.testing.capture_logs() as told:
        for _ in range(int(5 * REPEAT_SECONDS)):
            faults.saw("partition 3", FaultKind.LEADERLESS, "partition 3 has no leader")
            clock.now += 0.5
    assert len(told) == 3  # in two and a half minutes
    assert faults.counts[FaultKind.LEADERLESS] == 5 * REPEAT_SECONDS
    assert faults.unready() == ["partition 3 has no leader"]


def test_another_reason_is_told_at_once_and_the_end_too() -> None:
    clock = Clock()
    faults = Faults(clock)
    with structlog.testing.capture_logs() as told:
        faults.saw("Kafka", FaultKind.UNREACHABLE, "Kafka does not answer")
        faults.saw("Kafka", FaultKind.REFUSED, "Kafka refused the password", unready=False)
        clock.now = 7.0
        faults.over("Kafka")
        faults.over("Kafka")
    assert [line.get("reason") or line["after_seconds"] for line in told] == [
        "Kafka does not answer",
        "Kafka refused the password",
        7.0,
    ]
    assert faults.unready() == []


def test_some_faults_are_no_reason_not_to_be_ready() -> None:
    faults = Faults()
    faults.saw("groups", FaultKind.PERMISSION, "groups cannot be described", unready=False)
    assert faults.unready() == []
    assert faults.counts[FaultKind.PERMISSION] == 1
