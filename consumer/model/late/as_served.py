"""Predictions of events whose labels come later, each by the model at the event's own place.

An event is predicted before its label is known, and from what was known where it stands: all
labelled events before it, those of the unfinished block too. Asking the model at each of them would
cost too much; so they are predicted together, when a block is complete or BLOCK of them are due.
Within a block the estimators pass row by row, and each event is predicted after the rows that came
before it. When that is follows from the log alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any, NamedTuple, Self

import numpy as np

from consumer.model.estimators.estimator import Estimator, Served, scored
from consumer.model.packed import pack, unpack
from consumer.model.spec import ModelSpec
from consumer.model.statistics.ahead import Ahead
from consumer.model.statistics.factor import Floats
from consumer.model.statistics.kept.running import BLOCK, as_matrix
from consumer.model.statistics.least_squares import LeastSquares

OWN, KNOWN = -1, -2
"""Where the prediction of a pending row comes from: its own place, or it is known."""


class Arrival(NamedTuple):
    """An event that came without its label, and is to be predicted.

    Attributes:
        slot: Its entry in the ledger.
        row: Its numbers; NaN for the target.
        place: After how many rows of the unfinished block it came.
    """

    slot: int
    row: Sequence[float]
    place: int


@dataclass(frozen=True, slots=True)
class Pending:
    """What the rows of the unfinished block are scored by; immutable.

    Attributes:
        arrivals: The events that are not predicted yet.
        origins: For each row OWN, KNOWN, or the number of the arrival that it is the row of.
        predictions: For each row the prediction, if it is known.
    """

    arrivals: Sequence[Arrival] = ()
    origins: Sequence[int] = ()
    predictions: Sequence[float] = ()


class AsServed:
    """Predicts events at their own places; mutable, with one owner.

    Args:
        spec: The model.
        pending: Where to go on.
    """

    def __init__(self, spec: ModelSpec, pending: Pending = Pending()) -> None:
        if spec.mapping is None or spec.mapping.labels is None:
            raise ValueError("a model without labels of their own")
        self._spec = spec
        self._open = spec.mapping.labels.open
        self._arrivals = list(pending.arrivals)
        self._at = {it.slot: number for number, it in enumerate(self._arrivals)}
        self._origins = list(pending.origins)
        self._predictions = list(pending.predictions)

    @property
    def is_due(self) -> bool:
        """Whether so many events wait to be predicted that they should be now."""
        return len(self._arrivals) >= BLOCK

    def arrived(self, slot: int, row: Sequence[float]) -> None:
        """Note an event that waits for its label."""
        self._at[slot] = len(self._arrivals)
        self._arrivals.append(Arrival(slot, row, len(self._origins)))

    def labelled(self, slot: int | None, prediction: float) -> None:
        """Note the next row of the block: its event's slot, if that has waited."""
        self._origins.append(OWN if slot is None else self._at.get(slot, KNOWN))
        self._predictions.append(prediction)

    def predict(
        self, estimator: Estimator, known: LeastSquares, rows: Floats
    ) -> list[tuple[int, float]]:
        """Predict all events that are due; the slot and prediction of each.

        Args:
            estimator: Has learned the complete blocks.
            known: Least squares of the complete blocks.
            rows: The rows after them, shape (m, fields).
        """
        made = self._predicted(estimator, known, rows)
        for number, origin in enumerate(self._origins):
            if origin >= 0:
                self._origins[number], self._predictions[number] = KNOWN, made[origin]
        slots = [it.slot for it in self._arrivals]
        self._arrivals.clear()
        self._at.clear()
        return list(zip(slots, made, strict=True))

    def take_block(self, rows: Floats) -> Served:
        """What the rows of a complete block are scored by, once all are predicted."""
        served = self._served(rows, self._predictions)
        self._origins.clear()
        self._predictions.clear()
        return served

    def pending(self) -> Pending:
        """What there is now."""
        return Pending(tuple(self._arrivals), tuple(self._origins), tuple(self._predictions))

    def scored(
        self, estimator: Estimator, known: LeastSquares, after: LeastSquares, rows: Floats
    ) -> tuple[Floats, Ahead]:
        """What ``scored`` gives of the unfinished block's rows; nothing is learned or noted."""
        made = self._predicted(estimator, known, rows)
        predictions = [
            made[origin] if origin >= 0 else value
            for origin, value in zip(self._origins, self._predictions, strict=True)
        ]
        served = self._served(rows, predictions)
        return scored(estimator.score_block, self._spec.events(rows), known, after, served)

    def _served(self, rows: Floats, predictions: Sequence[float]) -> Served:
        has = self._spec.selection.serves(rows)
        own = np.array([origin == OWN for origin in self._origins], bool)
        return Served(own[has], np.array(predictions)[has])

    def _predicted(self, estimator: Estimator, known: LeastSquares, rows: Floats) -> list[float]:
        """The prediction of each arrival; NaN where it would have been refused."""
        if not self._arrivals:
            return []
        asked = as_matrix([it.row for it in self._arrivals], len(self._spec.fields))
        asked[:, self._open] = 0.0
        has = self._spec.selection.serves(asked)
        made = np.full(len(asked), nan)
        if has.any():
            before = np.concatenate(([0], np.cumsum(self._spec.selection.serves(rows))))
            places = before[np.array([it.place for it in self._arrivals])][has]
            questions = self._spec.events(asked)
            block = self._spec.events(rows)
            made[has] = estimator.predict_after(known, block, questions, places)
            made[np.isinf(made)] = nan
        numbers: list[float] = made.tolist()
        return numbers

    def to_state(self) -> dict[str, Any]:
        """What there is now, in types that JSON keeps exactly."""
        return {
            "slots": pack(np.array([it.slot for it in self._arrivals], np.int64)),
            "places": pack(np.array([it.place for it in self._arrivals], np.int64)),
            "rows": pack(as_matrix([it.row for it in self._arrivals], len(self._spec.fields))),
            "origins": pack(np.array(self._origins, np.int64)),
            "predictions": pack(np.array(self._predictions, np.float64)),
        }

    @classmethod
    def from_state(cls, spec: ModelSpec, state: Mapping[str, Any], pending: int) -> Self:
        """Restore from :meth:`to_state`.

        Args:
            spec: The model.
            state: From there.
            pending: How many rows the unfinished block has.

        Raises:
            KeyError: A part of it is missing.
            ValueError: It is not such a state.
        """
        slots, places, origins = (
            unpack(state[name], np.int64).tolist() for name in ("slots", "places", "origins")
        )
        rows = unpack(state["rows"], np.float64).reshape(-1, len(spec.fields)).tolist()
        predictions = unpack(state["predictions"], np.float64).tolist()
        if len(origins) != pending or not all(KNOWN <= it < len(slots) for it in origins):
            raise ValueError("the predictions are not those of the unfinished block")
        if any(not 0 <= it <= pending for it in places) or len(predictions) != pending:
            raise ValueError("an event stands outside the unfinished block")
        arrivals = [
            Arrival(slot, tuple(row), place)
            for slot, row, place in zip(slots, rows, places, strict=True)
        ]
        return cls(spec, Pending(arrivals, origins, predictions))
