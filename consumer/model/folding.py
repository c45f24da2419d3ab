"""What became of the records that a partition folded."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from consumer.decode import SKIPPED, UNLABELLED, Decoded, Record, Rejected
from contract.messages import Reason


@dataclass(frozen=True, slots=True)
class Refused:
    """A refused record, for the dead-letter topic."""

    record: Record
    why: Rejected


TOO_MANY_GAPS = Rejected(
    Reason.TOO_MANY_GAPS,
    "it lacks other fields than all events before it, and these lacked too many sets of fields: "
    "missing = a number, a level or 'refuse' makes fewer",
)


@dataclass(slots=True)
class FoldResult:
    """The result of folding records, for the learner to act on.

    Attributes:
        learned: How many events were learned.
        unlabelled: How many had no target.
        skipped: How many the model file did not ask for.
        refused: The refused records, and why.
        undeclared: Texts that are not levels, by field.
        to_predict: The records that had no target.
        asking: The records that ask for an acknowledgement, with their decoded events.
    """

    learned: int = 0
    unlabelled: int = 0
    skipped: int = 0
    refused: list[Refused] = field(default_factory=list)
    to_predict: list[Record] = field(default_factory=list)
    undeclared: dict[str, list[str]] = field(default_factory=dict)
    asking: list[tuple[Record, Decoded]] = field(default_factory=list)

    def note(self, undeclared: Iterable[tuple[str, str]]) -> None:
        """Note texts that are not levels, each with its field."""
        for name, text in undeclared:
            self.undeclared.setdefault(name, []).append(text)

    def pass_over(self, record: Record, event: Decoded) -> None:
        """Count an event that is not learned."""
        if event is UNLABELLED:
            self.unlabelled += 1
            self.to_predict.append(record)
        elif event is SKIPPED:
            self.skipped += 1
        elif type(event) is Rejected:
            self.refused.append(Refused(record, event))
