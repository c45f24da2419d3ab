"""The challengers of one partition, beside its champion."""

from collections.abc import Mapping
from typing import Any

from consumer.model.challengers.challenger import Challenger, Over
from consumer.model.spec import ModelSpec
from consumer.model.statistics.factor import Floats

Challengers = tuple[Challenger, ...]


def begun(spec: ModelSpec, over: Over) -> Challengers:
    """The challengers of a model that has learned nothing."""
    return tuple(Challenger.begun(it, over) for it in spec.challengers)


def learn(challengers: Challengers, rows: Floats, champion: Floats, over: Over) -> Challengers:
    """Each, tested and then trained on a block; see :meth:`Challenger.learn_block`."""
    return tuple(it.learn_block(rows, champion, over) for it in challengers)


def to_state(challengers: Challengers) -> dict[str, Any]:
    """Their member of a partition's state; none if there are no challengers."""
    return {"challengers": [it.to_state() for it in challengers]} if challengers else {}


def restored(spec: ModelSpec, state: Mapping[str, Any], over: Over) -> Challengers:
    """The model's challengers: those in the state as they were, others begun at its position.

    Raises:
        KeyError: A part of the state is missing.
        TypeError: A part of the state has another type.
        ValueError: A number in it is impossible.
    """
    known = {it["formula"]: it for it in state.get("challengers", ())}
    return tuple(
        Challenger.from_state(it, known[name], over)
        if (name := str(it.formula)) in known
        else Challenger.begun(it, over, state["position"])
        for it in spec.challengers
    )
