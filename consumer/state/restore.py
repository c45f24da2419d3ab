"""From what a partition starts: a snapshot, the log's beginning, or an honest refusal. Pure."""

from dataclasses import dataclass

from consumer.errors import NEW_ID, StateError
from consumer.model import ModelSpec, Partition
from consumer.state.snapshot import DamagedError, Snapshot


@dataclass(frozen=True, slots=True)
class Log:
    """The events partition that the state must fit.

    Attributes:
        topic: Its name.
        topic_id: Which topic of that name; empty where Kafka does not tell.
        partition: Its number.
        beginning: The first offset that it still has.
        end: The offset after its last record.
    """

    topic: str
    topic_id: str
    partition: int
    beginning: int
    end: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}"


def start(
    spec: ModelSpec, log: Log, latest: Snapshot | None, foreign: str | None, damaged: int
) -> Partition:
    """The partition to go on with: ``position`` says from where.

    A valid snapshot is right for ever, whatever else stands beside it. Without one the state is
    learned from the log's beginning, if the log still has it.

    Raises:
        StateError: Nothing that is there gives the right state.
    """
    if latest is not None:
        _must_fit(latest, log)
        try:
            return latest.restore(spec)
        except DamagedError as error:  # its digest holds, so whoever wrote it was at fault
            raise StateError(f"{log}: {error}. {NEW_ID}") from error
    if foreign is not None:
        raise StateError(f"{log}: {foreign}")
    if damaged and log.beginning > 0:
        raise StateError(
            f"{log}: none of the {damaged} record(s) of the changelog is a valid snapshot, and the "
            f"log begins at offset {log.beginning}, so it cannot be learned again. {NEW_ID}"
        )
    return Partition(spec, log.beginning)


def _must_fit(snapshot: Snapshot, log: Log) -> None:
    if snapshot.topic_id and log.topic_id and snapshot.topic_id != log.topic_id:
        raise StateError(
            f"{log}: the topic was recreated: the saved state is of the topic with id "
            f"{snapshot.topic_id}, this one has {log.topic_id}. {NEW_ID}"
        )
    if snapshot.position < log.beginning:
        raise StateError(
            f"{log}: the log was shortened at its beginning (retention): the saved state goes on "
            f"at offset {snapshot.position}, the log begins at {log.beginning}. {NEW_ID}"
        )
    if snapshot.position > log.end:
        raise StateError(
            f"{log}: the log was shortened at its end (truncated, or the topic was recreated): the "
            f"saved state goes on at offset {snapshot.position}, the log ends at {log.end}. "
            f"{NEW_ID}"
        )
