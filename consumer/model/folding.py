"""What folding records came to, for the learner to act on."""

from dataclasses import dataclass, field

from consumer.decode import Decoded, Record, Rejected


@dataclass(frozen=True, slots=True)
class Refused:
    """A refused record, for the dead-letter topic."""

    record: Record
    why: Rejected


@dataclass(slots=True)
class FoldResult:
    """The result of folding records, for the learner to act on.

    Attributes:
        learned: How many events were learned.
        unlabelled: How many had no target.
        refused: The refused records, and why.
        asking: The records that ask for an acknowledgement, with their decoded events.
    """

    learned: int = 0
    unlabelled: int = 0
    refused: list[Refused] = field(default_factory=list)
    asking: list[tuple[Record, Decoded]] = field(default_factory=list)
