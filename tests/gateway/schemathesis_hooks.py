"""What schemathesis cannot know of a gateway: how lines of JSON are written, what is learned."""

import json
import re
from typing import Any

import schemathesis

LEARNED = "0:0"
POSITIONS = re.compile(r"\d{1,10}:\d{1,16}(,\d{1,10}:\d{1,16})*")


@schemathesis.serializer("application/x-ndjson")
def ndjson(_context: schemathesis.SerializationContext, value: Any) -> bytes:  # noqa: ANN401
    """A line for each item; what is no array becomes a line that is no object."""
    items = value if isinstance(value, list) else [[value]]
    return "".join(f"{json.dumps(item)}\n" for item in items).encode()


@schemathesis.hook
def before_call(_context: object, case: schemathesis.Case[Any], _options: dict[str, Any]) -> None:
    """Ask for positions that the model has: others are waited for in vain."""
    query, headers, body = case.query, case.headers, case.body
    if isinstance(body, dict) and _are_positions(body.get("at_least")):
        body["at_least"] = {"0": 0}
    if _is_written(query.get("at_least")):
        query["at_least"] = LEARNED
    if _is_written(headers.get("Riverline-At-Least")):
        headers["Riverline-At-Least"] = LEARNED


def _is_written(text: object) -> bool:
    return isinstance(text, str) and POSITIONS.fullmatch(text) is not None


def _are_positions(value: object) -> bool:
    return isinstance(value, dict) and all(type(it) is int and it >= 0 for it in value.values())
