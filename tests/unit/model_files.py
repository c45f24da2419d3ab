"""The example model files, each with its golden events."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from consumer.decode.mapping import read_model
from consumer.model.spec import ModelSpec

EXAMPLES = Path(__file__).parents[2] / "examples" / "models"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.toml"))


@dataclass(frozen=True, slots=True)
class Golden:
    """An event of an example, and what becomes of it.

    Attributes:
        name: What is special about it.
        value: The record's value.
        headers: The record's headers.
        outcome: ``learned``, ``unlabelled``, ``skipped``, or ``refused``.
        reason: Why it is refused.
    """

    name: str
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    outcome: str
    reason: str | None


def example(name: str) -> ModelSpec:
    """The spec of an example."""
    return ModelSpec.of_file(read_model((EXAMPLES / f"{name}.toml").read_text()), "bayesian")


def golden(name: str) -> list[Golden]:
    """The events of an example."""
    entries: list[dict[str, Any]] = json.loads((EXAMPLES / f"{name}.json").read_text())
    return [
        Golden(
            entry["name"],
            orjson.dumps(entry["value"]),
            tuple((key, text.encode()) for key, text in entry.get("headers", {}).items()),
            "refused" if type(said) is dict else said,
            said["refused"] if type(said) is dict else None,
        )
        for entry in entries
        for said in [entry["outcome"]]
    ]
