"""How schemathesis writes newline-delimited JSON, which it does not know."""

import json
from typing import Any

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def ndjson(_context: schemathesis.SerializationContext, value: Any) -> bytes:  # noqa: ANN401
    """A line for each item; what is no array becomes a line that is no object."""
    items = value if isinstance(value, list) else [[value]]
    return "".join(f"{json.dumps(item)}\n" for item in items).encode()
