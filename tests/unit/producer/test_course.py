"""When a question is sent again."""

from math import inf

from producer.course import Course


def test_what_kafka_does_not_take_is_sent_again_with_growing_patience() -> None:
    course = Course(once=False, again_at=0)
    course.sent(3, now=0)
    assert course.again_at == 1
    course.sent(1, now=1)
    assert course.again_at == 3
    assert course.tried == [3, 1]


def test_what_kafka_has_is_given_more_time() -> None:
    course = Course(once=False, again_at=0)
    course.sent(3, now=0)
    course.arrived(now=0.5)
    assert course.again_at == 3.5


def test_a_send_that_failed_is_repeated_soon_and_then_less_often() -> None:
    course = Course(once=False, again_at=0)
    pauses = []
    now = 0.0
    for _ in range(5):
        course.failed("no leader", now)
        pauses.append(round(course.again_at - now, 3))
        now = course.again_at
    assert pauses == [0.1, 0.2, 0.4, 0.5, 0.5]


def test_a_send_that_fails_late_does_not_hurry_what_kafka_has() -> None:
    course = Course(once=False, again_at=0)
    course.sent(3, now=0)
    course.sent(1, now=1)
    course.arrived(now=1)
    course.failed("of the first", now=2)
    assert course.again_at == 4


def test_what_may_count_once_alone_is_handed_over_once() -> None:
    course = Course(once=True, again_at=0)
    course.failed("no leader", now=0)
    assert course.again_at == 0.1
    course.sent(3, now=0.1)
    course.failed("connection lost", now=0.2)
    course.arrived(now=0.3)
    assert course.again_at == inf
