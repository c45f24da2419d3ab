"""The two parts of a partition's state as open JSON documents, and back. Pure.

Each is a record of the changelog that holds a part together with the position that it is the fold
of, so the two cannot disagree; and since the fold is deterministic, a snapshot stays right for
ever, and whatever became of the other part's. The regression is small and saved often; the history
is large, and what it lacks is read again. ``contract/schemas/snapshot.schema.json`` describes both.
"""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from typing import Any

import orjson

from consumer.model import ModelSpec, Partition, SavedHistory
from consumer.state.belonging import ForeignError, foreign, identity, must_match
from consumer.state.change import Change

FORMAT = 3
WHOLE_FORMAT = 2
"""Both parts in one record, numbers as decimals: taken up, and written no more."""
OLD_FORMAT = 1
"""Its regression was not exact for features far from zero, nor were its prequential errors."""
FURTHEST = 2**62
"""No log reaches this position."""
RIVERLINE = version("riverline")


class Part(StrEnum):
    """The parts of a partition's state, each with a position of its own."""

    REGRESSION = "regression"
    HISTORY = "history"

    def key(self, partition: int) -> bytes:
        """The key of its records, which compaction goes by."""
        suffix = "" if self is Part.REGRESSION else "-history"
        return f"partition-{partition}{suffix}".encode()


class DamagedError(Exception):
    """A record of the changelog is not a snapshot, or is not as it was written."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot of one part that has been verified.

    Attributes:
        part: Which part.
        partition: The number of the events topic's partition.
        position: The offset of the next record to fold.
        topic_id: The id of the topic that the position belongs to; empty if Kafka does not tell.
        sha256: The digest of the canonical state that was written, hexadecimal.
        state: The canonical state.
        sketches: A history's quantile sketches; they draw random bits, so they are not part of it.
        is_current: Whether it was written in this format, by this model: another is to be written
            anew.
        change: How a state of another model file is taken up.
    """

    part: Part
    partition: int
    position: int
    topic_id: str
    sha256: str
    state: dict[str, Any]
    sketches: dict[str, str]
    is_current: bool = True
    change: Change | None = None

    @property
    def challengers(self) -> frozenset[str]:
        """The formulas that are compared with the model's, and go on being so."""
        if self.change is not None and self.change.has_new_formula:
            return frozenset()
        return frozenset(it["formula"] for it in self.state.get("challengers", ()))

    def restore(self, spec: ModelSpec) -> Partition:
        """A partition with this regression, and no history yet.

        Raises:
            DamagedError: The state does not fit the spec.
        """
        try:
            state = self.state if self.change is None else self.change.regression(self.state)
            return Partition.from_state(spec, state)
        except (KeyError, TypeError, ValueError) as error:
            raise DamagedError(f"the state cannot be taken up: {error}") from error

    def history(self, spec: ModelSpec) -> SavedHistory:
        """The history in it.

        Raises:
            DamagedError: The state does not fit the spec.
        """
        try:
            if self.change is not None:
                return self.change.history(self.state, self.sketches)
            return SavedHistory.from_state(spec.columns, self.state, self.sketches)
        except ValueError as error:
            raise DamagedError(f"the state cannot be taken up: {error}") from error


def take(partition: Partition, number: int, topic_id: str) -> Snapshot:
    """The snapshot of a partition's regression as it is now."""
    state = identity(partition.spec, number, topic_id) | partition.to_state()
    position = partition.position
    return Snapshot(Part.REGRESSION, number, position, topic_id, digest(state), state, {})


def take_history(partition: Partition, number: int, topic_id: str) -> Snapshot:
    """The snapshot of a partition's history as it is now; only if the partition has it whole."""
    state = identity(partition.spec, number, topic_id) | partition.history_state()
    sketches = partition.saved_history().sketches(partition.spec.fields)
    position = partition.position
    return Snapshot(Part.HISTORY, number, position, topic_id, digest(state), state, sketches)


def write(snapshot: Snapshot, coefficients: dict[str, float] | None = None) -> bytes:
    """The document. ``coefficients`` are for people to read: they follow from a regression.

    Raises:
        ValueError: A number is not finite (orjson would write null, and hide it).
    """
    document = {
        "format": FORMAT,
        "part": snapshot.part,
        "riverline": RIVERLINE,
        "position": snapshot.position,
        "sha256": snapshot.sha256,
        "state": snapshot.state,
    }
    if snapshot.part is Part.HISTORY:
        document |= {
            "sketches": snapshot.sketches,
            "sketches_sha256": digest(snapshot.sketches),
        }
        return orjson.dumps(document)
    state = snapshot.state  # the rest was sent as finite numbers
    sums = (coefficients, state["estimator"], state["errors"], state.get("challengers"))
    if not all(map(_is_finite, sums)):
        raise ValueError("a number of the state, or a coefficient, is not finite")
    return orjson.dumps({**document, "coefficients": coefficients or {}})


def read(value: bytes | None, number: int, spec: ModelSpec) -> list[Snapshot]:
    """The snapshot in a record of the changelog's partition ``number``; two, in format 2.

    Raises:
        DamagedError: It is not a snapshot, or is not as it was written.
        ForeignError: It belongs to another formula, fields, learner, format or river version.
    """
    try:
        document = orjson.loads(value or b"")
        if document["format"] == OLD_FORMAT:
            raise DamagedError(f"it is of format {OLD_FORMAT}, which is learned again from the log")
        if document["format"] not in (FORMAT, WHOLE_FORMAT):
            raise ForeignError(foreign("format", document["format"], FORMAT))
        state, sha256 = document["state"], document["sha256"]
        if digest(state) != sha256:
            raise DamagedError("its SHA-256 does not match its state")
        if type(state["position"]) is not int or not 0 <= state["position"] < FURTHEST:
            raise DamagedError("its position is not an offset")
        if type(state["topic_id"]) is not str:
            raise DamagedError("its topic id is not a string")
        if state["partition"] != number:
            raise DamagedError(f"it belongs to partition {state['partition']}")
        changed = must_match(state, spec)
        current = document["format"] == FORMAT
        return [
            Snapshot(
                part,
                number,
                state["position"],
                state["topic_id"],
                sha256,
                of_part,
                sketches,
                current and changed is None,
                changed,
            )
            for part, of_part, sketches in (_part(document) if current else _both_parts(document))
        ]
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"not a snapshot: {type(error).__name__}: {error}") from error


Content = tuple[Part, dict[str, Any], dict[str, str]]


def _part(document: dict[str, Any]) -> Iterator[Content]:
    part = Part(document["part"])
    yield part, document["state"], _sketches(document) if part is Part.HISTORY else {}


def _both_parts(document: dict[str, Any]) -> Iterator[Content]:
    """Of format 2, whose names and meanings are the same."""
    state = document["state"]
    yield Part.REGRESSION, state, {}
    yield Part.HISTORY, {**state, **state["statistics"]}, _sketches(document)


def _sketches(document: dict[str, Any]) -> dict[str, str]:
    sketches: dict[str, str] = document["sketches"]
    if digest(sketches) != document["sketches_sha256"]:
        raise DamagedError("its second SHA-256 does not match its sketches")
    return sketches


def digest(state: dict[str, Any]) -> str:
    """SHA-256 of the canonical document: JSON with sorted members, as orjson writes it."""
    return hashlib.sha256(orjson.dumps(state, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _is_finite(value: Any) -> bool:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)
