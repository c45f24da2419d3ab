"""The log: a record a line, whoever writes it, with the members that the gateway's have."""

import io
import json
import logging
import re
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from consumer.telemetry.log import configure_log
from consumer.telemetry.rate_limit import RateLimit


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What is logged; afterwards logging is as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    before = structlog.get_config()
    try:
        yield io.StringIO()
    finally:
        structlog.configure(**before)
        logging.captureWarnings(capture=False)
        root.handlers[:], root.level = handlers, level


def fail() -> None:
    raise ValueError('no "good"\nat all')


def write_all() -> None:
    """A record of ours, one of a library, a warning of Python's; each with what is awkward."""
    log = structlog.get_logger()
    try:
        fail()
    except ValueError:
        log.exception("a loop died", loop="learner", partitions=[0, 1])
        logging.getLogger("asyncio").exception("Task failed: %s", "two words")
    warnings.warn("old\nways", DeprecationWarning, stacklevel=1)


@pytest.mark.filterwarnings("always:old")
def test_json_has_one_document_a_line_with_the_traceback_inside(stream: io.StringIO) -> None:
    configure_log("info", "json", RateLimit(), stream)
    write_all()
    records: list[dict[str, Any]] = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [list(record)[:3] for record in records] == [["timestamp", "level", "event"]] * 3
    assert [(record["level"], record["event"]) for record in records[:2]] == [
        ("error", "a loop died"),
        ("error", "Task failed: two words"),
    ]
    ours, library, warning = records
    assert (ours["loop"], ours["partitions"]) == ("learner", [0, 1])
    assert (library["logger"], warning["logger"]) == ("asyncio", "py.warnings")
    for record in (ours, library):
        assert record["exception"].startswith("Traceback (most recent call last):\n")
        assert record["exception"].endswith('ValueError: no "good"\nat all')
    assert "old\nways" in warning["event"]


@pytest.mark.filterwarnings("always:old")
def test_logfmt_has_one_record_a_line_with_the_traceback_inside(stream: io.StringIO) -> None:
    configure_log("info", "logfmt", RateLimit(), stream)
    write_all()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 3
    assert all(re.match(r"timestamp=\S+ level=\w+ event=", line) for line in lines)
    assert ' exception="Traceback (most recent call last):\\n' in lines[0]
    assert lines[0].endswith('ValueError: no \\"good\\"\\nat all"')


def test_on_a_terminal_it_is_for_people_and_elsewhere_for_tools(stream: io.StringIO) -> None:
    terminal = Terminal()
    for where in (terminal, stream):
        configure_log("info", None, RateLimit(), where)
        structlog.get_logger().info("serving", http_port=8000)
    assert "\x1b[" in terminal.getvalue()
    assert re.fullmatch(
        r"timestamp=\S+ level=info event=serving http_port=8000\n", stream.getvalue()
    )


def test_what_is_below_the_level_is_not_written(stream: io.StringIO) -> None:
    configure_log("error", "logfmt", RateLimit(), stream)
    structlog.get_logger().warning("no")
    logging.getLogger("asyncio").warning("nor this")
    assert stream.getvalue() == ""
    structlog.get_logger().error("yes")
    assert "event=yes" in stream.getvalue()


def test_libraries_debugging_is_not_asked_for_with_ours(stream: io.StringIO) -> None:
    configure_log("debug", "logfmt", RateLimit(), stream)
    logging.getLogger("asyncio").info("Using selector")
    structlog.get_logger().debug("not looked at")
    assert stream.getvalue().count("\n") == 1


def test_the_rate_limit_holds(stream: io.StringIO) -> None:
    rate_limit = RateLimit()
    configure_log("info", "json", rate_limit, stream)
    for _ in range(50):
        structlog.get_logger().warning("again")
    assert 0 < stream.getvalue().count("\n") < 50
    assert rate_limit.unsaid["again"] == 50 - stream.getvalue().count("\n")
