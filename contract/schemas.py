"""The JSON Schemas of what crosses the broker, by name: the files in ``schemas/``."""

import json
from importlib.resources import files
from typing import Any, Literal, get_args

SchemaName = Literal[
    "event", "request", "reply", "dead-letter", "snapshot", "scored-event", "demand"
]

SCHEMA_NAMES: tuple[SchemaName, ...] = get_args(SchemaName)


def load_schema(name: SchemaName) -> dict[str, Any]:
    """A schema by name, JSON Schema 2020-12.

    Its ``$id`` is ``urn:riverline:NAME``; schemas refer to each other by that, so a validator
    needs them all: ``{schema["$id"]: schema for schema in map(load_schema, SCHEMA_NAMES)}``.
    """
    text = files(__package__).joinpath("schemas", f"{name}.schema.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema
