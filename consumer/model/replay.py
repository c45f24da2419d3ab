"""A partition's history as it was saved, and how one that is behind the regression catches up.

It reads again the records from its own position on, and learns nothing from them: what they meant
for the regression is in the regression. A record counts as it did then, since the history has the
digests of the requests that it had seen; and blocks are cut as they were, since it has their phase.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Self

import numpy as np

from consumer.decode import Decoded, Record, Row
from consumer.decode.dialects import is_of_request
from consumer.errors import NEW_ID, StateError
from consumer.model.folding import TOO_MANY_GAPS
from consumer.model.repeats import Repeats
from consumer.model.statistics.kept.columns import Columns
from consumer.model.statistics.kept.history import History
from consumer.model.statistics.kept.quantiles import Frequent, Sketch
from consumer.model.statistics.kept.running import BLOCK, as_matrix, read_pending

UNDECLARED = " undeclared"
"""After a category's name: the sketch of the texts that are not its levels."""


@dataclass(frozen=True, slots=True)
class SavedHistory:
    """A history together with all that reading on from it needs; immutable.

    Attributes:
        position: The offset of the next record to read.
        history: The history of the complete blocks.
        pending: The rows after them, fewer than BLOCK.
        timestamps: Theirs, milliseconds since the epoch.
        repeats: The requests seen; not to be changed.
        undeclared: The most frequent texts that are not levels, by field.
        decode: Reads records as the model that it was saved with did; None: as the present one.
    """

    position: int
    history: History
    pending: Sequence[Sequence[float]]
    timestamps: Sequence[int]
    repeats: Repeats
    undeclared: Mapping[str, Frequent] = field(default_factory=dict)
    decode: Callable[[Record], Decoded] | None = None

    @classmethod
    def nothing(cls, k: int, position: int) -> Self:
        """The history of a log that begins at this position, over k fields."""
        return cls(position, History.nothing(k), (), (), Repeats())

    @classmethod
    def from_state(
        cls, columns: Columns, state: Mapping[str, Any], sketches: Mapping[str, str]
    ) -> Self:
        """Restore from ``Partition.history_state`` and the sketches.

        Raises:
            ValueError: They are not of a history over these fields.
        """
        try:
            n, pending, timestamps = read_pending(state, columns)
            found = [Sketch.from_text(sketches[name]) for name in columns.fields]
            history = History.from_state(state, n, found, columns)
            repeats = Repeats.from_state(state["forwarded"])
            undeclared = {
                name: Frequent.from_text(sketches[name + UNDECLARED])
                for name in columns.fields
                if name + UNDECLARED in sketches
            }
            return cls(state["position"], history, pending, timestamps, repeats, undeclared)
        except (KeyError, TypeError, OverflowError, RuntimeError) as error:
            raise ValueError(f"not a history over {columns.fields}: {error!r}") from error

    def sketches(self, fields: Sequence[str]) -> dict[str, str]:
        """The sketches as text, by name; not deterministic."""
        undeclared = self.undeclared.items()
        found = self.history.sketch_texts(fields)
        return found | {name + UNDECLARED: texts.to_text() for name, texts in undeclared}


Rows = Callable[[Record], Iterable[Row]]
"""The rows that a record labels, in their order; to be asked for each record once."""


class Replay:
    """Reads a saved history on, record by record.

    Args:
        saved: Where it begins.
        rows: Reads a record; from ``begin`` on.
        begin: Where reading begins, the history's position or before.
        upto: The position that reading must have come to; None: as soon as the history is whole.
        behind: Whether the history lacks rows; else it is read for the ledger of ids alone.

    Attributes:
        position: The offset of the next record to read.
        history: The history of the complete blocks so far.
    """

    def __init__(
        self,
        saved: SavedHistory,
        rows: Rows,
        begin: int,
        upto: int | None = None,
        *,
        behind: bool = True,
    ) -> None:
        self.position = begin
        self.history = saved.history
        self._begins = saved.position
        self._behind = behind
        self._upto = begin if upto is None else upto
        self._pending = list(saved.pending)
        self._timestamps = list(saved.timestamps)
        self._rows = rows
        self._k = len(saved.history.sketches)

    def is_done(self, n: int) -> bool:
        """Whether the history is that of n rows, and all is read that has to be."""
        return self.history.n >= n and self.position >= self._upto

    def read_on(self, records: Iterator[Record], position: int, n: int) -> Iterator[Record]:
        """Read until the history is that of n rows, but not beyond this position; what is left.

        Raises:
            StateError: The log has not all records up to there.
        """
        for record in records:
            if record.offset >= position:
                begin, self.position = self.position, max(self.position, position)
                if self.is_done(n):
                    return chain([record], records)
                raise StateError(
                    f"the saved history goes on at offset {begin}, and the log has no longer all "
                    f"events from there to the state's, {position}. {NEW_ID}"
                )
            self.read(record)
            if self.is_done(n):
                break
        return records

    def read(self, record: Record) -> None:
        """Read the next record; one before the position was read already and is skipped."""
        if record.offset < self.position:
            return
        self.position = record.offset + 1
        rows = self._rows(record)
        if not self._behind or record.offset < self._begins:
            return
        for row in rows:
            self._pending.append(row)
            self._timestamps.append(record.timestamp)
            if len(self._pending) == BLOCK:
                block = as_matrix(self._pending, self._k)
                self.history = self.history.plus(block, np.array(self._timestamps, np.int64))
                self._pending.clear()
                self._timestamps.clear()


def without_ids(decode: Callable[[Record], Decoded], repeats: Repeats) -> Rows:
    """The row of a record that is a labelled event, and no request that was forwarded before."""
    repeats = repeats.copy()

    def rows(record: Record) -> Iterable[Row]:
        if record.headers and is_of_request(record.headers) and repeats.saw(record):
            return ()
        event = decode(record)
        return (event,) if type(event) is tuple else ()

    return rows


def as_folded(
    decode: Callable[[Record], Decoded],
    before: Callable[[Record], Decoded] | None,
    changed: int,
    has_admitted: Callable[[Sequence[float]], bool],
) -> Callable[[Record], Decoded]:
    """Decodes records as they were when they were folded.

    Args:
        decode: By the present model.
        before: By the model before the last change, if the history is of that.
        changed: The position of the change.
        has_admitted: Whether rows like this one have been admitted.
    """

    def read(record: Record) -> Decoded:
        event = before(record) if before and record.offset < changed else decode(record)
        if type(event) is tuple and not has_admitted(event):
            return TOO_MANY_GAPS
        return event

    return read
