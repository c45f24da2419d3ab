"""The log: one record a line on standard error, whoever writes it, tracebacks inside the record."""

import logging
import sys
from typing import Any, TextIO

import orjson
import structlog
from structlog.typing import Processor

from contract.environment import LogFormat, LogLevel

FIRST = ["timestamp", "level", "event"]
"""The members that every record begins with, as the gateway's do; an error's is ``exception``."""


def configure_log(
    level: LogLevel,
    form: LogFormat | None,
    rate_limit: Processor,
    stream: TextIO = sys.stderr,
) -> None:
    """Write all that is logged to a stream: by us, by libraries, and Python's warnings.

    Args:
        level: The least that is written; of libraries at least warnings.
        form: How; None for ``console`` on a terminal and ``logfmt`` elsewhere.
        rate_limit: Sees each record of ours first.
        stream: Where to.
    """
    terminal = stream.isatty()
    render = _renderer(form or ("console" if terminal else "logfmt"), colors=terminal)
    number = logging.getLevelNamesMapping()[level.upper()]
    # format_exc_info writes plain text: a traceback's locals hold payloads.
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp"),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[rate_limit, *shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(stream),
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING), force=True)
    logging.captureWarnings(capture=True)


def _renderer(form: LogFormat, *, colors: bool) -> Processor:
    if form == "json":
        return structlog.processors.JSONRenderer(_json)
    if form == "logfmt":
        return structlog.processors.LogfmtRenderer(key_order=FIRST, bool_as_flag=False)
    return structlog.dev.ConsoleRenderer(colors=colors)


def _json(record: dict[str, Any], **_options: object) -> str:
    ordered = {name: record[name] for name in FIRST if name in record}
    return orjson.dumps(ordered | record, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()
