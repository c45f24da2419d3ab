"""From which saved segments a partition's ledger starts, and where reading goes on. Pure.

The ledger's place is the end of a chain of intact segments, and the log after it is read again: as
far as the regression's position for the ledger alone. What decides whether a record counts for the
history, and as which row, is the ledger *as of that record's place*: an event that was labelled
since has no row any more. So a history that reads again needs the ledger as of its own position or
before; reading begins at the last segment's end that is not beyond the history, and both read on
together. That chain is still there: segments are deleted only when neither the acknowledged history
nor the acknowledged regression can ask for them (``sending.py``).

Reading again gives all that the log says, and that is all but predictions, which the model made as
it was then. Those are in the segments that are read again, and of the unfinished one in the
regression's own record. So with late labels a chain that breaks before the regression's unfinished
segment can only be had by learning everything again from the log's beginning; without them nothing
is predicted, and the ledger is read again from where the chain breaks.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from consumer.model import ModelSpec
from consumer.model.late.ledger import Ledger
from consumer.model.late.sealed import Sealed
from consumer.state.belonging import ForeignError
from consumer.state.ids.records import read
from consumer.state.snapshot import DamagedError


@dataclass(frozen=True, slots=True)
class Place:
    """Where a ledger is needed: as of the end of the last segment that was sealed.

    Attributes:
        begins: The offset that the oldest segment begins at which was remembered then.
        end: That end; the same offset if none was sealed yet.
    """

    begins: int
    end: int


@dataclass(frozen=True, slots=True)
class Begin:
    """What a ledger begins with.

    Attributes:
        ledger: As of where reading goes on.
        later: The segments from there to the regression's place, in order; their predictions count.
    """

    ledger: Ledger
    later: tuple[Sealed, ...] = ()


class Segments:
    """The intact segments of one partition.

    Args:
        spec: The model.
        number: The partition.
        topic_id: The id of the events topic; empty if Kafka does not tell.
        records: The values of the changelog's records, by the offset that each begins at.

    Attributes:
        refused: Why those that are not intact are passed over.
    """

    def __init__(
        self, spec: ModelSpec, number: int, topic_id: str, records: Mapping[int, bytes]
    ) -> None:
        self._k = len(spec.fields)
        self._by_end: dict[int, Sealed] = {}
        self.refused: list[str] = []
        for begin, value in sorted(records.items()):
            try:
                sealed = read(value, number, spec, topic_id)
            except (DamagedError, ForeignError) as error:
                self.refused.append(f"the segment of ids from offset {begin}: {error}")
            else:
                self._by_end[sealed.end] = sealed

    def whole(self, place: Place) -> tuple[Sealed, ...] | None:
        """The chain that ends there; None if it is broken."""
        chain: list[Sealed] = []
        at = place.end
        while at > place.begins:
            sealed = self._by_end.get(at)
            if sealed is None:
                return None
            chain.append(sealed)
            at = sealed.begin
        return tuple(reversed(chain)) if at == place.begins else None

    def before(self, position: int) -> Ledger | None:
        """The ledger at the highest place that is not beyond this position."""
        for end in sorted(self._by_end, reverse=True):
            if end <= position:
                chain = self.whole(Place(self._by_end[end].begins, end))
                if chain and (made := self.ledger(chain)) is not None:
                    return made
        firsts = (one for one in self._by_end.values() if one.is_first and one.begin <= position)
        first = next(firsts, None)
        return None if first is None else Ledger(self._k, first.begin)

    def ledger(self, chain: Iterable[Sealed]) -> Ledger | None:
        """The ledger at the end of a chain; None if its segments do not fit together."""
        try:
            return Ledger.restored(self._k, tuple(chain))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            self.refused.append(f"the segments of ids cannot be taken up: {error!r}")
            return None


def begin(
    segments: Segments, place: Place, k: int, *, history_at: int | None, predicts: bool
) -> Begin | None:
    """What the ledger begins with; None if it cannot be had from these segments.

    Args:
        segments: The intact ones.
        place: Where the regression needs it.
        k: How many numbers a row has.
        history_at: Where the history goes on, if it reads again.
        predicts: Whether predictions are made of what waits.
    """
    chain = segments.whole(place)
    if chain is None and predicts:
        return None
    if chain is not None and (history_at is None or history_at >= place.end):
        ledger = segments.ledger(chain) if chain else Ledger(k, place.end)
        if ledger is not None or predicts:
            return None if ledger is None else Begin(ledger)
    limit = place.end if history_at is None else min(history_at, place.end)
    ledger = segments.before(limit)
    if ledger is None:
        return None
    later = (sealed for sealed in chain or () if sealed.begin >= ledger.position)
    return Begin(ledger, tuple(later))
