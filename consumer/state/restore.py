"""Where a partition starts: from a snapshot, from the log's beginning, or not at all. Pure."""

from dataclasses import dataclass

from consumer.errors import NEW_ID, StateError
from consumer.model import ModelSpec, Partition
from consumer.state.snapshot import DamagedError, Snapshot


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


def start(
    spec: ModelSpec, log: Log, latest: Snapshot | None, foreign: str | None, damaged: int
) -> Partition:
    """The partition to go on with, from its ``position``.

    A valid snapshot counts, whatever else the changelog holds. Without one, the state is learned
    anew from the log's beginning, if the log still has it.

    Raises:
        StateError: The right state cannot be had from what is there.
    """
    if latest is not None:
        _must_fit(latest, log)
        try:
            return latest.restore(spec)
        except DamagedError as error:  # its digest matches, so it was written wrong
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
            f"{log}: the topic was recreated: the saved state belongs to the topic with id "
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
