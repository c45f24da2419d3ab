"""Where a partition starts: from its saved parts, from the log's beginning, or not at all. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from consumer.errors import NEW_ID, StateError
from consumer.model import ModelSpec, Partition, SavedHistory
from consumer.model.late.by_id import ById
from consumer.model.late.ledger import Ledger
from consumer.state.ids.chain import Place, Segments, begin
from consumer.state.snapshot import DamagedError, Part, Snapshot

Content = TypeVar("Content")


@dataclass(frozen=True, slots=True)
class Log:
    """The log of an events partition, which the state must fit.

    Attributes:
        topic: The topic's name.
        topic_id: The topic's id; empty if Kafka does not tell.
        partition: The partition's number.
        beginning: The first offset that the log still has.
        end: The offset after its last record.
    """

    topic: str
    topic_id: str
    partition: int
    beginning: int
    end: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}"


@dataclass(frozen=True, slots=True)
class Valid(Generic[Content]):
    """What a valid snapshot holds.

    Attributes:
        position: The offset of the next record to fold.
        topic_id: The id of the topic that the position belongs to.
        content: The part.
        is_current: Whether the changelog has it so, in the present format and by the present model:
            else it is to be written anew.
    """

    position: int
    topic_id: str
    content: Content
    is_current: bool = True


@dataclass(frozen=True, slots=True)
class Found(Generic[Content]):
    """What the changelog says of one part of a partition.

    Attributes:
        latest: The valid snapshot with the highest position, if there is any.
        foreign: Why an intact snapshot is not for us, if one is not.
        damaged: How many records were no snapshots.
    """

    latest: Valid[Content] | None = None
    foreign: str | None = None
    damaged: int = 0

    @property
    def current(self) -> Valid[Content] | None:
        """The latest, if it need not be written anew."""
        return self.latest if self.latest is not None and self.latest.is_current else None


@dataclass(frozen=True, slots=True)
class Followed:
    """What the changelog says of one partition, part by part.

    Attributes:
        segments: Of what is remembered of ids, as they were written, by the offset each begins at.
    """

    regression: Found[Snapshot] = field(default_factory=Found)
    history: Found[SavedHistory] = field(default_factory=Found)
    segments: Mapping[int, bytes] = field(default_factory=dict)


def start(spec: ModelSpec, log: Log, followed: Followed) -> Partition:
    """The partition to go on with: reading begins where it ``reads_from``.

    Of each part a valid snapshot counts, whatever else the changelog holds. Without one, the part
    is made again from the log's beginning, if the log still has it.

    Raises:
        StateError: The right state cannot be had from what is there.
    """
    partition = _regression(spec, log, followed)
    history = followed.history.latest
    if history is not None:
        _must_fit(history, log)
        saved = history.content
    else:
        if partition.statistics.folded:
            _must_be_whole(log, Part.HISTORY, followed.history)
        saved = SavedHistory.nothing(len(spec.fields), log.beginning)
    if partition.by_id is None:
        partition.take_up(saved)
    else:
        partition = _with_ids(log, followed, partition, partition.by_id, saved)
    if partition.reads_from < log.beginning:
        raise StateError(_shortened(log, f"saved {Part.HISTORY}", partition.reads_from))
    return partition


def _regression(spec: ModelSpec, log: Log, followed: Followed) -> Partition:
    found, latest = followed.regression, followed.regression.latest
    if latest is None:
        _must_be_whole(log, Part.REGRESSION, found)
        if followed.history.latest is not None and log.beginning > 0:
            raise StateError(
                f"{log}: the changelog holds the history and no regression, and the log begins at "
                f"offset {log.beginning}, so it cannot be learned again. {NEW_ID}"
            )
        return Partition(spec, log.beginning)
    _must_fit(latest, log)
    if latest.position < log.beginning:
        raise StateError(_shortened(log, "saved state", latest.position))
    try:
        return latest.content.restore(spec)
    except DamagedError as error:  # its digest matches, so it was written wrong
        raise StateError(f"{log}: {error}. {NEW_ID}") from error


def _with_ids(
    log: Log, followed: Followed, partition: Partition, by_id: ById, saved: SavedHistory
) -> Partition:
    """The partition with its ledger too, or a new one at the log's beginning."""
    spec = partition.spec
    k, predicts = len(spec.fields), spec.has_late_labels
    place = Place(*by_id.place)
    segments = Segments(spec, log.partition, log.topic_id, followed.segments)
    history_at = saved.position if saved.history.n < partition.statistics.folded else None
    found = begin(segments, place, k, history_at=history_at, predicts=predicts)
    if found is not None:
        partition.take_up(saved, found.ledger, found.later)
        return partition
    if log.beginning > 0:
        why = (segments.refused or ["segments are missing from the changelog"])[0]
        raise StateError(
            f"{log}: what is remembered of ids up to offset {place.end} cannot be taken up: {why}; "
            f"and the log begins at offset {log.beginning}, so it cannot be learned again. {NEW_ID}"
        )
    partition = Partition(spec, log.beginning)
    partition.take_up(SavedHistory.nothing(k, log.beginning), Ledger(k, log.beginning))
    return partition


def _must_be_whole(log: Log, part: Part, found: Found[Content]) -> None:
    """Without a valid snapshot of a part: can it be had from the log, and only from there?"""
    if found.foreign is not None:
        raise StateError(f"{log}: {found.foreign}")
    if found.damaged and log.beginning > 0:
        raise StateError(
            f"{log}: none of the {found.damaged} record(s) of the changelog is a valid snapshot of "
            f"the {part}, and the log begins at offset {log.beginning}, so it cannot be learned "
            f"again. {NEW_ID}"
        )


def _must_fit(valid: Valid[Content], log: Log) -> None:
    if valid.topic_id and log.topic_id and valid.topic_id != log.topic_id:
        raise StateError(
            f"{log}: the topic was recreated: the saved state belongs to the topic with id "
            f"{valid.topic_id}, this one has {log.topic_id}. {NEW_ID}"
        )
    if valid.position > log.end:
        raise StateError(
            f"{log}: the log was shortened at its end (truncated, or the topic was recreated): the "
            f"saved state goes on at offset {valid.position}, the log ends at {log.end}. "
            f"{NEW_ID}"
        )


def _shortened(log: Log, what: str, position: int) -> str:
    return (
        f"{log}: the log was shortened at its beginning (retention): the {what} goes on "
        f"at offset {position}, the log begins at {log.beginning}. {NEW_ID}"
    )
