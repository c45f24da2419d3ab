"""What a partition knows of its events by their ids: the ledger, and predictions as served."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np

from consumer.decode import Decoded, Record, Rejected, Row
from consumer.model.estimators.estimator import Estimator, Served
from consumer.model.folding import FoldResult, Learn
from consumer.model.late.as_served import AsServed
from consumer.model.late.expiries import ByIdView, Expiries
from consumer.model.late.join import Admits, Expired, Join, Labelled, Waits
from consumer.model.late.ledger import Ledger
from consumer.model.late.sealed import Sealed
from consumer.model.packed import pack, unpack
from consumer.model.spec import ModelSpec
from consumer.model.statistics.factor import Floats, count
from consumer.model.statistics.least_squares import LeastSquares
from contract.messages import Outcome

Decode = Callable[[Record], Decoded]


class ById:
    """Folds the records of a log whose events have ids; mutable, with one owner.

    Args:
        spec: The model.
        ledger: What is remembered of ids.
        admits: Whether a labelled row can be kept.
    """

    def __init__(self, spec: ModelSpec, ledger: Ledger, admits: Admits) -> None:
        if spec.mapping is None:
            raise ValueError("a model without ids")
        self._mapping = spec.mapping
        self.join = Join(spec.mapping, ledger, admits)
        self.expiries = Expiries()
        self._served = None if spec.mapping.labels is None else AsServed(spec)
        self._restored: Mapping[str, Any] | None = None
        self._again: tuple[Ledger, Sequence[Sealed]] | None = None

    def fold(
        self, record: Record, decoded: Decoded, result: FoldResult, learn: Learn
    ) -> Outcome | Rejected:
        """Fold the next record; what is labelled there is learned, each event in its turn.

        Returns:
            What became of the record.
        """
        join = self.join
        if join.advance(record, decoded):
            for it in join.expired():
                self._expire(it, record.timestamp, result, learn)
        taken = join.take(record, decoded)
        if type(taken) is Labelled:
            self._learn(taken, record.timestamp, result, learn)
            if taken.slot is None:
                return Outcome.LEARNED
            result.matched += 1
            return Outcome.MATCHED
        if type(taken) is Waits:
            result.to_predict.append(record)
            if self._served is not None:
                self._served.arrived(taken.slot, taken.row)
            return Outcome.WAITING
        result.add(record, taken)  # type: ignore[arg-type]
        return taken  # type: ignore[return-value]

    def _expire(self, it: Expired, timestamp_ms: int, result: FoldResult, learn: Learn) -> None:
        labelled = it.labelled
        self.expiries = self.expiries.plus(Expiries(1, int(labelled is not None), int(it.in_time)))
        if labelled is None:
            result.unlabelled += 1
        else:
            self._learn(labelled, timestamp_ms, result, learn)

    def _learn(self, it: Labelled, timestamp_ms: int, result: FoldResult, learn: Learn) -> None:
        if self._served is not None:
            self._served.labelled(it.slot, it.prediction)
        learn(it.row, timestamp_ms)
        result.learned += 1

    @property
    def place(self) -> tuple[int, int]:
        """Of the last sealed segment: where the oldest began that counted then, and its end."""
        if (state := self._restored) is not None:
            return state["begins"], state["end"]
        return (ledger := self.join.ledger).sealed_begins, ledger.open_since

    @property
    def is_taken_up(self) -> bool:
        """Whether the ledger is as of the state's position."""
        return self._restored is None

    def take_sealed(self) -> list[Sealed]:
        """The segments of the ledger that were sealed since the last call."""
        return self.join.ledger.take_sealed()

    @property
    def waiting(self) -> int:
        """How many events wait for their labels."""
        return self.join.ledger.waiting

    @property
    def is_due(self) -> bool:
        """Whether so many events are to be predicted that they should be now."""
        return self._served is not None and self._served.is_due

    def predict(self, estimator: Estimator, known: LeastSquares, rows: Floats) -> None:
        """Predict the events that came since the last time, each by the model at its place.

        Args:
            estimator: Has learned the complete blocks.
            known: Least squares of the complete blocks.
            rows: The rows after them, shape (m, fields).
        """
        ledger = self.join.ledger
        if self._served is not None:
            for slot, value in self._served.predict(estimator, known, rows):
                if ledger.waits(slot):
                    ledger.predict(slot, value)

    def take_block(self, estimator: Estimator, known: LeastSquares, rows: Floats) -> Served | None:
        """What the rows of a block that is complete are scored by; None: by their own places."""
        if self._served is None:
            return None
        self.predict(estimator, known, rows)
        return self._served.take_block(rows)

    def read_again(
        self, ledger: Ledger, later: Sequence[Sealed], decode: Decode, admits: Admits
    ) -> Callable[[Record], list[Row]]:
        """Let a ledger come to the state's position, from any before it; then :meth:`finish`.

        Args:
            ledger: As of where reading begins.
            later: Its segments from there on, whose predictions count.
            decode: Reads a record as it was read.
            admits: Whether a labelled row was kept.

        Returns:
            What to call for each record; gives the rows that it labels.
        """
        self._again = ledger, later
        join = Join(self._mapping, ledger, admits)
        return lambda record: list(join.rows(record, decode(record)))

    def finish(self) -> None:
        """Go on with the ledger that was read again, which is as of the state's position."""
        if self._again is None:
            return
        (ledger, later), self._again = self._again, None
        if self._served is not None:
            ledger.take_sealed()  # the changelog has these with the predictions
        ledger.read_again(later)
        if (state := self._restored) is not None:
            slots, values = unpack(state["predicted"], int), unpack(state["predictions"], float)
            for slot, value in zip(slots.tolist(), values.tolist(), strict=True):
                ledger.predict_again(slot, value)
        self._restored = None
        self.join.take_up(ledger)

    def view(self) -> ByIdView:
        """As it is now."""
        return ByIdView(self.expiries, None if self._served is None else self._served.pending())

    def to_state(self) -> dict[str, Any]:
        """All but the ledger, of which the predictions that reading again cannot give.

        ``begins`` and ``end`` are those of the ledger's last sealed segment: where it goes on.
        """
        if self._restored is not None:  # the ledger is not read again yet
            return dict(self._restored)
        slots, values = self.join.ledger.predictions()
        state: dict[str, Any] = {
            "expired": self.expiries.expired,
            "by_absence": self.expiries.by_absence,
            "over_limit": self.expiries.over_limit,
            "begins": self.join.ledger.sealed_begins,
            "end": self.join.ledger.open_since,
            "predicted": pack(np.array(slots, np.int64)),
            "predictions": pack(np.array(values, np.float64)),
        }
        return state | ({} if self._served is None else {"served": self._served.to_state()})

    @classmethod
    def from_state(
        cls, spec: ModelSpec, state: Mapping[str, Any], admits: Admits, pending: int
    ) -> Self:
        """Restore from :meth:`to_state`; the ledger is to be taken up.

        Args:
            spec: The model.
            state: From there.
            admits: Whether a labelled row can be kept.
            pending: How many rows the unfinished block has.

        Raises:
            KeyError: A part of it is missing.
            ValueError: It is not such a state.
        """
        made = cls(spec, Ledger(len(spec.fields)), admits)
        made.expiries = Expiries(
            *(count(state[name]) for name in ("expired", "by_absence", "over_limit"))
        )
        if made._served is not None:
            made._served = AsServed.from_state(spec, state["served"], pending)
        slots = unpack(state["predicted"], np.int64)
        if len(slots) != len(unpack(state["predictions"], np.float64)):
            raise ValueError("the predictions are not those of events")
        if not 0 <= state["begins"] <= state["end"]:
            raise ValueError("the bounds of the ledger are not in order")
        made._restored = dict(state)
        return made
