"""A partition's state as one open JSON document, and back. Pure.

One record of the changelog holds the state together with the position that it is the fold of, so
the two cannot disagree; and since the fold is deterministic, a snapshot stays right for ever.
``contract/schemas/snapshot.schema.json`` describes it.
"""

import hashlib
import math
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import orjson

from consumer.model import ModelSpec, Partition

FORMAT = 2
OLD_FORMAT = 1
"""Its regression was not exact for features far from zero, nor were its prequential errors."""
FURTHEST = 2**62
"""No log reaches this position."""
RIVERLINE = version("riverline")
RIVER = ".".join(version("river").split(".")[:2])
"""The version of river whose arrays a state holds: major and minor."""


class DamagedError(Exception):
    """A record of the changelog is not a snapshot, or is not as it was written."""


class ForeignError(Exception):
    """An intact snapshot of something else, say of another formula; says which, and the way out."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot that has been verified.

    Attributes:
        partition: The number of the events topic's partition.
        position: The offset of the next record to fold.
        topic_id: The id of the topic that the position belongs to; empty if Kafka does not tell.
        sha256: The canonical state's digest, hexadecimal.
        state: The canonical state.
        sketches: Quantile sketches; they draw random bits, so they are not part of the state.
    """

    partition: int
    position: int
    topic_id: str
    sha256: str
    state: dict[str, Any]
    sketches: dict[str, str]

    def restore(self, spec: ModelSpec) -> Partition:
        """A partition with this state.

        Raises:
            DamagedError: The state does not fit the spec.
        """
        try:
            return Partition.from_state(spec, self.state, self.sketches)
        except (KeyError, TypeError, ValueError) as error:
            raise DamagedError(f"the state cannot be taken up: {error}") from error


def take(partition: Partition, number: int, topic_id: str) -> Snapshot:
    """The snapshot of a partition as it is now."""
    spec = partition.spec
    state = {
        "partition": number,
        "topic_id": topic_id,
        **spec.identity(),
        "river": RIVER,
        **partition.to_state(),
    }
    return Snapshot(
        number, partition.position, topic_id, digest(state), state, partition.statistics.sketches()
    )


def write(snapshot: Snapshot, coefficients: dict[str, float]) -> bytes:
    """The document. ``coefficients`` are for people to read: they follow from the state.

    Raises:
        ValueError: A number is not finite (orjson would write null, and hide it).
    """
    if not _is_finite(coefficients):
        raise ValueError("a coefficient is not finite")
    computed = (
        snapshot.state["estimator"],
        snapshot.state["errors"],
    )  # the rest was sent as finite numbers
    if not all(map(_is_finite, computed)):
        raise ValueError("a number of the state is not finite")
    document = {
        "format": FORMAT,
        "riverline": RIVERLINE,
        "position": snapshot.position,
        "coefficients": coefficients,
        "sha256": snapshot.sha256,
        "state": snapshot.state,
        "sketches": snapshot.sketches,
        "sketches_sha256": digest(snapshot.sketches),
    }
    return orjson.dumps(document)


def read(value: bytes | None, number: int, spec: ModelSpec) -> Snapshot:
    """The snapshot in a record of the changelog's partition ``number``.

    Raises:
        DamagedError: It is not a snapshot, or is not as it was written.
        ForeignError: It belongs to another formula, fields, learner, format or river version.
    """
    try:
        document = orjson.loads(value or b"")
        if document["format"] == OLD_FORMAT:
            raise DamagedError(f"it is of format {OLD_FORMAT}, which is learned again from the log")
        if document["format"] != FORMAT:
            raise ForeignError(_foreign("format", document["format"], FORMAT))
        state, sketches, sha256 = document["state"], document["sketches"], document["sha256"]
        if digest(state) != sha256:
            raise DamagedError("its SHA-256 does not match its state")
        if digest(sketches) != document["sketches_sha256"]:
            raise DamagedError("its second SHA-256 does not match its sketches")
        if type(state["position"]) is not int or not 0 <= state["position"] < FURTHEST:
            raise DamagedError("its position is not an offset")
        if type(state["topic_id"]) is not str:
            raise DamagedError("its topic id is not a string")
        if state["partition"] != number:
            raise DamagedError(f"it belongs to partition {state['partition']}")
        _must_match(state, spec)
        return Snapshot(number, state["position"], state["topic_id"], sha256, state, sketches)
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise DamagedError(f"not a snapshot: {type(error).__name__}: {error}") from error


def digest(state: dict[str, Any]) -> str:
    """SHA-256 of the canonical document: JSON with sorted members, as orjson writes it."""
    return hashlib.sha256(orjson.dumps(state, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _is_finite(value: Any) -> bool:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def _must_match(state: dict[str, Any], spec: ModelSpec) -> None:
    ours = {"model": None, **spec.identity(), "river": RIVER}
    theirs = {"model": None, **state}  # of flat numbers, or older
    for name, due in ours.items():
        if theirs[name] != due:
            raise ForeignError(_foreign(name, theirs[name], due))


def _foreign(name: str, theirs: object, ours: object) -> str:
    return (
        f"the saved state is of another {name}: {str(theirs)[:80]!r}, and this service has "
        f"{ours!r}. Go back to that {name}, or choose a new APPLICATION_ID, which relearns from "
        "the log"
    )
