"""The latest valid snapshots of each partition, and what became of the other records."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

import structlog

from consumer.context import Context
from consumer.decode import Record
from consumer.model import Partition
from consumer.state.belonging import ForeignError
from consumer.state.ids.records import begin_of
from consumer.state.restore import Content, Followed, Found, Valid
from consumer.state.snapshot import DamagedError, Part, Snapshot, read, take

Decoded = TypeVar("Decoded")

log = structlog.get_logger()


class Memory:
    """What the changelog says of each partition; it is served while the partition is not ours.

    ``take`` is the follower's alone; ``of`` and ``remember`` may be called by any thread.

    Args:
        context: What all loops share.
        writer: The header value of our own process's snapshots, which are passed over.
    """

    def __init__(self, context: Context, writer: bytes) -> None:
        self._context = context
        self._writer = writer
        self._followed: dict[int, Followed] = {}
        self._lock = threading.Lock()

    def of(self, number: int) -> Followed:
        """What is known of a partition."""
        return self._followed.get(number, Followed())

    def remember(self, number: int, partition: Partition, topic_id: str) -> None:
        """Serve a partition that we no longer own as it is now, until a newer snapshot comes.

        If it comes back to us it is saved anew: that it was saved is not known.
        """
        if partition.has_whole_history:
            history = partition.saved_history()
            self._keep(number, history=Valid(history.position, topic_id, history, is_current=False))
        taken = take(partition, number, topic_id)
        if self._keep(number, regression=Valid(taken.position, topic_id, taken, is_current=False)):
            self._context.served.follow(number, partition.view())

    def take(self, number: int, records: Iterable[Record]) -> None:
        """Take what these records of a partition say, and serve it where it is newer."""
        spec = self._context.settings.spec
        if spec.has_ids:
            records = self._take_segments(number, records)
        found = [(record, one) for record in records for one in self._read(number, record)]
        known = self.of(number)
        history = self._newest(
            number, Part.HISTORY, found, known.history, lambda one: one.history(spec)
        )
        regression = self._newest(
            number, Part.REGRESSION, found, known.regression, lambda one: one.restore(spec)
        )
        if history is not None:
            one, saved = history
            self._keep(number, history=Valid(one.position, one.topic_id, saved, one.is_current))
        if regression is not None:
            one, partition = regression
            self._keep(number, regression=Valid(one.position, one.topic_id, one, one.is_current))
        elif history is not None and known.regression.latest is not None:
            partition = known.regression.latest.content.restore(spec)
        else:
            return
        if (latest := self.of(number).history.latest) is not None:
            partition.take_up(latest.content)
        self._context.served.follow(number, partition.view())

    def _take_segments(self, number: int, records: Iterable[Record]) -> list[Record]:
        """Keep segments of ids as they are, our own too; returns the other records."""
        others, segments = [], dict(self.of(number).segments)
        for record in records:
            begin = begin_of(record.key)
            if begin is None:
                others.append(record)
            elif record.value is None:
                segments.pop(begin, None)
            else:
                segments[begin] = record.value
        with self._lock:
            self._followed[number] = replace(self.of(number), segments=segments)
        return others

    def drop_segments(self, number: int) -> None:
        """Drop the segments of a partition that is ours: its changelog is to be read once more."""
        with self._lock:
            self._followed[number] = replace(self.of(number), segments={})

    def _newest(
        self,
        number: int,
        part: Part,
        found: list[tuple[Record, Snapshot]],
        known: Found[Content],
        decode: Callable[[Snapshot], Decoded],
    ) -> tuple[Snapshot, Decoded] | None:
        """The one of this part with the highest position that can be decoded, if not below known.

        Those below it are passed over undecoded: at the start the changelog holds many.
        """
        candidates = [(record, one) for record, one in found if one.part is part]
        for record, one in sorted(candidates, key=lambda it: it[1].position, reverse=True):
            if known.latest is not None and known.latest.position > one.position:
                break
            try:
                return one, decode(one)
            except DamagedError as error:
                self._pass_over(number, record, part, error)
        return None

    def _read(self, number: int, record: Record) -> list[Snapshot]:
        """The snapshots in a record; none if it is our own, or not for us."""
        if dict(record.headers).get("writer") == self._writer:
            return []
        try:
            return read(record.value, number, self._context.settings.spec)
        except (DamagedError, ForeignError) as error:
            history = record.key == Part.HISTORY.key(number)
            self._pass_over(number, record, Part.HISTORY if history else Part.REGRESSION, error)
            return []

    def _keep(self, number: int, **latest: Valid[Any]) -> bool:
        """Keep a part unless one with a higher position is known: any valid one is right."""
        with self._lock:
            followed = self.of(number)
            for part, valid in latest.items():
                found: Found[Any] = getattr(followed, part)
                if found.latest is not None and found.latest.position > valid.position:
                    return False
                changed: dict[str, Any] = {part: replace(found, latest=valid)}
                followed = replace(followed, **changed)
            self._followed[number] = followed
            return True

    def _pass_over(
        self, number: int, record: Record, part: Part, error: DamagedError | ForeignError
    ) -> None:
        foreign = str(error) if isinstance(error, ForeignError) else None
        self._context.telemetry.snapshot_refused(foreign=foreign is not None)
        log.warning(
            "snapshot passed over",
            topic=self._context.settings.changelog_topic,
            partition=number,
            part=part,
            offset=record.offset,
            reason=str(error),
        )
        with self._lock:
            followed = self.of(number)
            found: Found[Any] = getattr(followed, part)
            refused: dict[str, Any] = {
                part: replace(
                    found,
                    foreign=foreign or found.foreign,
                    damaged=found.damaged + (foreign is None),
                )
            }
            self._followed[number] = replace(followed, **refused)
