"""What the changelog holds of one partition of ours, and what it lacks."""

from dataclasses import dataclass
from time import monotonic

from consumer.model import Partition
from consumer.state import pace
from consumer.state.ids.sending import SegmentSending
from consumer.state.sending import Sending
from consumer.state.snapshot import Part


@dataclass(slots=True)
class Saved:
    """What the changelog holds of a partition of ours.

    Attributes:
        parts: The way there, by part.
        begins: Where its history would be read from if none were saved.
        seen: The position it had when it was looked at last.
        since: When it had that first.
        history_first: Whether the history there is of another model: what it lacks can be read
            again as it was learned while the regression beside it is of that model too.
        most_reread: How many records a restart may read again.
        ids: The way of the segments of ids there, if the model tells events apart.
    """

    parts: dict[Part, Sending]
    begins: int
    seen: int
    since: float
    history_first: bool
    most_reread: int
    ids: SegmentSending | None = None

    @property
    def regression_waits(self) -> bool:
        """Whether the regression is not to be saved yet."""
        return self.history_first and self.parts[Part.HISTORY].position is None

    def behind(self, partition: Partition) -> int:
        """How many records would be read again from the saved history on."""
        known = self.parts[Part.HISTORY].position
        return partition.position - (self.begins if known is None else known)

    def lacks_history(self, partition: Partition) -> bool:
        """Whether the changelog lacks of the history, and none is under way."""
        history = self.parts[Part.HISTORY]
        lacks = history.rows < partition.statistics.folded
        if self.ids is not None and not lacks:  # segments are kept from a history's position on
            lacks = self.behind(partition) > self.most_reread
        return lacks and not history.is_under_way and partition.has_whole_history

    def unsaved(self, number: int, partition: Partition) -> pace.Unsaved | None:
        """What the changelog lacks of the history; None if nothing, or while one is under way."""
        if self.seen != partition.position:
            self.seen, self.since = partition.position, monotonic()
        if not self.lacks_history(partition):
            return None
        rows, saved_rows = partition.statistics.folded, self.parts[Part.HISTORY].rows
        return pace.Unsaved(number, self.behind(partition), rows, saved_rows, self.since)
