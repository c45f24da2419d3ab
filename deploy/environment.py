"""The variables that the gateway reads too: `make environment` writes them to its `environment.ts`.

Their names, defaults, choices and patterns stand in `contract/environment.py`, `contract/login.py`
and `consumer/settings.py` alone; a test holds the gateway's file to what this makes of them.
"""

import json
from pathlib import Path
from typing import Any, Final

from consumer.settings import Settings
from contract.environment import Environment
from contract.messages import RESERVED

TARGET: Final = Path(__file__).parents[1] / "gateway/src/environment.ts"

PYTHON_ALONE: Final = frozenset({"kafka_sasl_oauth_token_provider", "dead_letter_topic"})
"""What the gateway does not read: a Python function; a topic that it has nothing to do with."""

NAMES: Final = [
    *(it for it in Environment.model_fields if it not in PYTHON_ALONE),
    *("application_id", "log_level", "log_format"),
]


def main() -> None:
    """Write the file."""
    TARGET.write_text(written())


def written() -> str:
    """The file's text."""
    properties = Settings.model_json_schema()["properties"]
    variables = {name.upper(): variable(properties[name]) for name in NAMES}
    return (
        "/** The variables that all parts of Riverline read. Written by `make environment`. */\n\n"
        f"export const RESERVED = {json.dumps(sorted(RESERVED))} as const;\n\n"
        f"export const ENVIRONMENT = {json.dumps(variables, indent=2)} as const;\n"
    )


def variable(schema: dict[str, Any]) -> dict[str, Any]:
    """What there is to know of a variable, out of pydantic's JSON schema."""
    alternatives = schema.get("anyOf", [schema])
    (given,) = (it for it in alternatives if it.get("type") != "null")
    found: dict[str, Any] = {"description": schema["description"]}
    if schema["default"] is not None:
        found["default"] = schema["default"]
    if given.get("format") == "password":
        found["secret"] = True
    of_items = given.get("items", {})
    told = {
        "choices": given.get("enum"),
        "pattern": given.get("pattern") or of_items.get("pattern"),
        "least": given.get("minItems"),
        "most": given.get("maxItems"),
    }
    return found | {name: it for name, it in told.items() if it is not None}


if __name__ == "__main__":
    main()
