"""What a saved state belongs to, and whether that is the model of this service. Pure."""

from functools import lru_cache
from importlib.metadata import version
from typing import Any

import orjson

from consumer.model import ModelSpec
from consumer.state.change import Change, ChangeError, change

WAY_OUT = "Go back to that, or choose a new APPLICATION_ID, which relearns from the log"
RIVER = ".".join(version("river").split(".")[:2])
"""The version of river whose arrays a state holds: major and minor."""


class ForeignError(Exception):
    """An intact snapshot of something else, say of another formula; says which, and the way out."""


def identity(spec: ModelSpec, number: int, topic_id: str) -> dict[str, Any]:
    """What a state belongs to."""
    return {
        "partition": number,
        "topic_id": topic_id,
        **spec.identity(),
        "river": RIVER,
    }


def must_match(state: dict[str, Any], spec: ModelSpec) -> Change | None:
    """How the state is taken up, if it is of another model.

    Raises:
        ForeignError: It cannot be.
    """
    ours = {"model": None, **identity(spec, 0, "")}
    theirs = {"model": None, **state}  # of flat numbers, or older
    names = ("model", "formula", "fields", "learner", "river")
    if all(theirs[name] == ours[name] for name in names):
        return None
    if theirs["river"] == RIVER and theirs["model"] and ours["model"]:
        try:
            saved = orjson.dumps({name: theirs[name] for name in names})
            return _change(saved, orjson.dumps(spec.identity()), spec)
        except ChangeError as error:
            raise ForeignError(f"{error}. {WAY_OUT}") from error
    name = next(name for name in names if theirs[name] != ours[name])
    raise ForeignError(foreign(name, theirs[name], ours[name]))


@lru_cache(maxsize=8)
def _change(saved: bytes, _present: bytes, spec: ModelSpec) -> Change:
    """Of many snapshots of one model."""
    return change(orjson.loads(saved), spec)


def foreign(name: str, theirs: object, ours: object) -> str:
    """That a state is of something else, and the way out."""
    return (
        f"the saved state is of another {name}: {str(theirs)[:80]!r}, and this service has "
        f"{ours!r}. Go back to that {name}, or choose a new APPLICATION_ID, which relearns from "
        "the log"
    )
