"""What became of the records that a partition folded."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from consumer.decode import SKIPPED, Decoded, Record, Rejected, Row
from consumer.model.statistics.kept.quantiles import Frequent
from contract.messages import Outcome, Reason

Learn = Callable[[Row, int], None]
"""Learns a labelled row, with the timestamp of the record that it is labelled at."""


@dataclass(frozen=True, slots=True)
class RejectedRecord:
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
        repeated: How many events and labels had been there before.
        matched: How many were labels of events that waited for them.
        refused: The refused records, and why.
        undeclared: Texts that are not levels, by field.
        to_predict: The records that had no target, or not yet.
        asking: The records that ask for an acknowledgement, and what became of them.
    """

    learned: int = 0
    unlabelled: int = 0
    skipped: int = 0
    repeated: int = 0
    matched: int = 0
    refused: list[RejectedRecord] = field(default_factory=list)
    to_predict: list[Record] = field(default_factory=list)
    undeclared: dict[str, list[str]] = field(default_factory=dict)
    asking: list[tuple[Record, Outcome | Rejected]] = field(default_factory=list)

    def note(self, undeclared: Iterable[tuple[str, str]]) -> None:
        """Note texts that are not levels, each with its field."""
        for name, text in undeclared:
            self.undeclared.setdefault(name, []).append(text)

    def add(self, record: Record, outcome: Outcome | Rejected) -> None:
        """Count a record that nothing is learned from."""
        if outcome is Outcome.UNLABELLED:
            self.unlabelled += 1
            self.to_predict.append(record)
        elif outcome is Outcome.SKIPPED:
            self.skipped += 1
        elif outcome is Outcome.REPEATED:
            self.repeated += 1
        elif isinstance(outcome, Rejected):
            self.refused.append(RejectedRecord(record, outcome))

    def undeclared_with(self, before: Mapping[str, Frequent]) -> dict[str, Frequent]:
        """The most frequent texts that are not levels, by field, with those of before."""
        return {
            **before,
            **{it: before.get(it, Frequent()).plus(texts) for it, texts in self.undeclared.items()},
        }

    def counts(self) -> dict[Outcome, int]:
        """How many events and labels had each outcome that is for good."""
        return {
            Outcome.LEARNED: self.learned,
            Outcome.UNLABELLED: self.unlabelled,
            Outcome.SKIPPED: self.skipped,
            Outcome.REFUSED: len(self.refused),
            Outcome.REPEATED: self.repeated,
            Outcome.MATCHED: self.matched,
        }


def outcome_of(event: Decoded) -> Outcome | Rejected:
    """What becomes of a record without an id."""
    if type(event) is tuple:
        return Outcome.LEARNED
    if isinstance(event, Rejected):
        return event
    return Outcome.SKIPPED if event is SKIPPED else Outcome.UNLABELLED
