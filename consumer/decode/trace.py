"""The W3C trace context of a record (https://www.w3.org/TR/trace-context/). Pure."""

import re
from collections.abc import Sequence

from contract.messages import TRACEPARENT, TRACESTATE

TraceContext = tuple[tuple[str, bytes], ...]
"""The headers that carry on a trace: none, ``traceparent``, or ``tracestate`` too."""

_TRACEPARENT = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)
_TRACESTATE = re.compile(rb"[\x20-\x7e]{1,512}")


def trace_context(headers: Sequence[tuple[str, bytes | None]]) -> TraceContext:
    """The headers that carry on a record's trace; none if it has no well-formed ``traceparent``."""
    if not headers:
        return ()
    last = dict(headers)
    parent = last.get(TRACEPARENT)
    if parent is None or not _TRACEPARENT.fullmatch(parent):
        return ()
    state = last.get(TRACESTATE)
    if state is None or not _TRACESTATE.fullmatch(state):
        return ((TRACEPARENT, parent),)
    return ((TRACEPARENT, parent), (TRACESTATE, state))
