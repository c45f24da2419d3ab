"""A line that somebody can cause at will is said a few times a minute, and counted."""

from contextlib import suppress

import structlog
from structlog.typing import EventDict

from consumer.telemetry.rate_limit import LINES, MINUTE_SECONDS, RateLimit


class Log:
    """What is said of what is told, by a clock of the test's own."""

    def __init__(self) -> None:
        self.now = 0.0
        self.rate_limit = RateLimit(lambda: self.now)
        self.said: list[EventDict] = []

    def tell(self, event: str, method: str = "warning", **details: object) -> None:
        with suppress(structlog.DropEvent):
            self.said.append(self.rate_limit(None, method, {"event": event, **details}))


def test_many_lines_of_one_kind_are_counted() -> None:
    log = Log()
    for number in range(100_000):
        log.tell("reply not delivered", topic=f"theirs-{number}")
    assert len(log.said) == LINES
    assert log.rate_limit.unsaid == {"reply not delivered": 100_000 - LINES}


def test_after_a_minute_the_first_line_says_how_many_there_were() -> None:
    log = Log()
    for _ in range(LINES + 5):
        log.tell("request not readable")
    log.now = MINUTE_SECONDS
    log.tell("request not readable")
    log.tell("request not readable")
    assert [line.get("unsaid") for line in log.said[LINES:]] == [5, None]


def test_what_is_not_of_that_kind_is_said() -> None:
    log = Log()
    for number in range(LINES):
        log.tell("fault", "error", about="Kafka", number=number)
    log.tell("fault", "error", about="partition 3")
    log.tell("request not readable")
    for _ in range(3 * LINES):
        log.tell("partition restored", "info")
    assert len(log.said) == LINES + 2 + 3 * LINES
