"""The entries of a ledger that were made in one range of the log, as columns.

What is saved of a ledger is the same segments, each as of the end of its range together with what
the range's records changed of earlier entries. So the segments of a chain, one taken up after the
other, give the ledger at its end; and a segment, once sealed, is never written again.
"""

from array import array
from collections.abc import Mapping, Sequence
from math import nan
from typing import Any, Self

import numpy as np

from consumer.model.late.entry import Entry, Status
from consumer.model.packed import pack, unpack

ID_BYTES = 16
MOST_BYTES = 400_000
"""What the entries of one segment may take: in base64 half a megabyte, whatever the model."""
ENTRY_BYTES = ID_BYTES + 2 + 8 + 8 + 1 + 8 + 8 + 32
"""Of an entry but for its row: id, offset, time, payload, status, label, prediction; and what its
record may have changed of an earlier one, twice two numbers."""
LONGEST = 4096


_STATUS = tuple(Status)
_WAITING, _EXPIRED = bytes([Status.WAITING]), bytes([Status.EXPIRED])


def length(k: int) -> int:
    """How many offsets a segment covers, for rows of k numbers: a power of two."""
    most = MOST_BYTES // (ENTRY_BYTES + 8 * k)
    return min(LONGEST, 1 << max(0, most.bit_length() - 1))


class Segment:
    """The entries of one range of the log.

    Args:
        k: How many numbers a row has.
        begin: The offset that the range begins at.
        first: The slot of the first entry.

    Attributes:
        waiting: How many of the entries wait.
        ids: 16 bytes each.
        offsets: How far each is behind the beginning.
        times: The partition's time at each, milliseconds since the epoch.
        payloads: A digest of each event's content.
        status: A ``Status`` each.
    """

    __slots__ = (
        "_k",
        "_labels",
        "_numbers",
        "_predictions",
        "_rows",
        "_rows_from",
        "begin",
        "first",
        "ids",
        "offsets",
        "payloads",
        "status",
        "times",
        "waiting",
    )

    def __init__(self, k: int, begin: int, first: int) -> None:
        self._k = k
        self.begin = begin
        self.first = first
        self.waiting = 0
        self.ids = bytearray()
        self.offsets = array("H")
        self.times = array("q")
        self.payloads = array("Q")
        self.status = bytearray()
        # Of those that waited, and of each entry its number among them:
        self._numbers = array("H")
        self._labels = array("Q")
        self._predictions = array("d")
        self._rows = array("d")
        self._rows_from = 0  # the number of the first that has one

    def __len__(self) -> int:
        return len(self.status)

    def add(
        self, id_: bytes, offset: int, time_ms: int, payload: int, row: Sequence[float] | None
    ) -> None:
        """Append an entry."""
        self.ids += id_
        self.offsets.append(offset - self.begin)
        self.times.append(time_ms)
        self.payloads.append(payload)
        self._numbers.append(len(self._labels))
        if row is None:
            self.status.append(Status.SEEN)
            return
        if len(row) != self._k:
            raise ValueError(f"expected a row of {self._k} numbers")
        self.status.append(Status.WAITING)
        self._labels.append(0)
        self._predictions.append(nan)
        self._rows.extend(row)
        self.waiting += 1

    def entry(self, at: int) -> Entry:
        """What is remembered of the event at this place."""
        status = _STATUS[self.status[at]]
        return Entry(
            self.begin + self.offsets[at],
            self.times[at],
            self.payloads[at],
            status,
            self._labels[self._numbers[at]] if status is Status.MATCHED else 0,
            self.prediction(at),
        )

    def prediction(self, at: int) -> float:
        """The prediction of an entry that waits, or NaN."""
        return self._predictions[self._numbers[at]] if self.status[at] == Status.WAITING else nan

    def waits(self, at: int) -> bool:
        """Whether there is an entry at this place, and it waits."""
        return 0 <= at < len(self.status) and self.status[at] == Status.WAITING

    def row(self, at: int) -> tuple[float, ...]:
        """The row of an entry that waits."""
        begin = (self._numbers[at] - self._rows_from) * self._k
        return tuple(self._rows[begin : begin + self._k])

    def predict(self, at: int, value: float) -> None:
        """Note the prediction of an entry that waits."""
        self._predictions[self._numbers[at]] = value

    def settle(self, at: int, status: Status, label: int) -> None:
        """Let an entry wait no more."""
        self.status[at] = status
        number = self._numbers[at]
        self._labels[number], self._predictions[number] = label, nan
        self.waiting -= 1
        self._drop_rows()

    def expire(self, end: int) -> None:
        """Let all that wait before this place expire."""
        before = self.status[:end]
        self.waiting -= before.count(_WAITING)
        self.status[:end] = before.replace(_WAITING, _EXPIRED)
        self._drop_rows()

    def _drop_rows(self) -> None:
        """Free the rows once none is needed."""
        if not self.waiting:
            self._rows, self._rows_from = array("d"), len(self._labels)

    def oldest_waiting(self) -> int:
        """The place of the first entry that waits."""
        return self.status.index(_WAITING)

    def to_state(self) -> dict[str, Any]:
        """The entries as they are now; rows and predictions of those that wait."""
        status = np.frombuffer(bytes(self.status), np.uint8)
        waited = status[status != Status.SEEN]
        waits = waited == Status.WAITING
        rows = np.array(self._rows).reshape(-1, self._k)
        return {
            "first": self.first,
            "ids": pack(np.frombuffer(bytes(self.ids), np.uint8)),
            "offsets": pack(np.array(self.offsets)),
            "times_ms": pack(np.array(self.times)),
            "payloads": pack(np.array(self.payloads)),
            "status": pack(status),
            "labels": pack(np.array(self._labels)[waited == Status.MATCHED]),
            "predictions": pack(np.array(self._predictions)[waits]),
            "rows": pack(rows[waits[self._rows_from :]]),
        }

    @classmethod
    def from_state(cls, k: int, begin: int, state: Mapping[str, Any]) -> Self:
        """Restore from :meth:`to_state`.

        Raises:
            KeyError: A column is missing.
            ValueError: The columns do not fit together.
        """
        made = cls(k, begin, state["first"])
        status = unpack(state["status"], np.uint8)
        waited = status[status != Status.SEEN]
        waits, matched = waited == Status.WAITING, waited == Status.MATCHED
        labels = np.zeros(len(waited), np.uint64)
        labels[matched] = unpack(state["labels"], np.uint64)
        predictions = np.full(len(waited), nan)
        predictions[waits] = unpack(state["predictions"], float)
        made.waiting = int(waits.sum())
        if made.waiting:
            rows = np.zeros((len(waited), k))
            rows[waits] = unpack(state["rows"], float).reshape(made.waiting, k)
            made._rows = array("d", rows.tobytes())
        made.ids = bytearray(unpack(state["ids"], np.uint8).tobytes())
        made.offsets = array("H", unpack(state["offsets"], np.uint16).tobytes())
        made.times = array("q", unpack(state["times_ms"], np.int64).tobytes())
        made.payloads = array("Q", unpack(state["payloads"], np.uint64).tobytes())
        made.status = bytearray(status.tobytes())
        numbers = np.cumsum(status != Status.SEEN) - (status != Status.SEEN)
        made._numbers = array("H", numbers.astype(np.uint16).tobytes())
        made._labels = array("Q", labels.tobytes())
        made._predictions = array("d", predictions.tobytes())
        n = len(status)
        if {len(made.ids) // ID_BYTES, len(made.offsets), len(made.times), len(made.payloads)} != {
            n
        } or status.max(initial=0) > Status.EXPIRED:
            raise ValueError("the columns of a segment do not fit together")
        return made
