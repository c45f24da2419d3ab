"""Sends the sealed segments of a partition, and deletes those that are forgotten."""

from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from time import monotonic

import structlog
from kafka.errors import KafkaError

from consumer.client import Future, Producer
from consumer.context import Context
from consumer.model.late.sealed import Sealed
from consumer.state.ids.records import PART, key, write
from consumer.state.snapshot import Part, Snapshot
from consumer.telemetry import Unsaved

MOST_UNDER_WAY = 8
"""How many segments may be neither acknowledged nor given up: some 4 MB."""

log = structlog.get_logger()


class SegmentSending:
    """The way of one partition's segments to the changelog; used by the learner's thread alone.

    What was read again is sealed again, and written again: the same bits, if they were right.

    Args:
        context: What all loops share.
        producer: A producer for snapshots alone.
        writer: A header value by which our follower recognises what we wrote.
        number: The partition.
        topic_id: The id of the events topic that the offsets belong to.
        written: The offsets that the segments in the changelog begin at.
    """

    def __init__(
        self,
        context: Context,
        producer: Producer,
        writer: bytes,
        *,
        number: int,
        topic_id: str,
        written: Iterable[int],
    ) -> None:
        self._context = context
        self._producer = producer
        self._writer = writer
        self._number = number
        self._topic_id = topic_id
        self._written = set(written)
        self._waiting = deque[Sealed]()
        self._under_way = deque[tuple[Sealed, Future]]()
        self._needs: dict[Part, dict[int, int]] = {part: {} for part in Part}
        self._held: tuple[int, Callable[[], bool]] | None = None
        self._failing = False

    def send(self, sealed: Iterable[Sealed] = ()) -> None:
        """Send these, those that have failed, and what waited for them; never blocks."""
        self._waiting.extend(sealed)
        self._look()
        if self._held is not None and self._has_saved(self._held[0]):
            send, self._held = self._held[1], None
            send()
        while self._waiting and len(self._under_way) < MOST_UNDER_WAY:
            one = self._waiting[0]
            value = write(one, self._context.settings.spec, self._number, self._topic_id)
            if (future := self._send(one.begin, value)) is None:
                return
            self._written.add(one.begin)
            self._under_way.append((self._waiting.popleft(), future))

    @property
    def holds(self) -> bool:
        """Whether a regression waits for segments to be acknowledged."""
        return self._held is not None

    def hold(self, position: int, send: Callable[[], bool]) -> bool:
        """Send the regression of this position once the segments up to there are acknowledged.

        Returns:
            Whether it was sent at once.
        """
        if self._has_saved(position):
            return send()
        self._held = position, send
        return False

    def _has_saved(self, position: int) -> bool:
        unsaved = [one for one, _ in self._under_way] + list(self._waiting)
        return all(one.end > position for one in unsaved)

    def settle(self, timeout_seconds: float) -> None:
        """Wait until all are acknowledged, at most for so long; then send what waited for them."""
        deadline = monotonic() + timeout_seconds
        self.send()
        while self._under_way and (left := deadline - monotonic()) > 0:
            with suppress(KafkaError):
                self._under_way[0][1].get(timeout=left)
            self.send()

    def note(self, taken: Snapshot, place: tuple[int, int]) -> None:
        """Note from which segment on a snapshot needs them: where the chain to its place begins."""
        self._needs[taken.part][taken.position] = place[0]

    def delete(self, acknowledged: dict[Part, int | None]) -> None:
        """Delete the segments that neither of the acknowledged snapshots can ask for.

        Args:
            acknowledged: The position of each part's last acknowledged snapshot.
        """
        kept = []
        for part, position in acknowledged.items():
            needs = self._needs[part]
            if position not in needs:  # it was written before our time
                return
            for old in [at for at in needs if at < position]:
                del needs[old]
            kept.append(needs[position])
        for begin in sorted(self._written):
            if begin >= min(kept) or self._send(begin, None) is None:
                return
            self._written.remove(begin)

    def _look(self) -> None:
        """Take those off that were acknowledged; those that failed are sent again."""
        failed = []
        while self._under_way and self._under_way[0][1].is_done:
            one, future = self._under_way.popleft()
            try:
                future.get(timeout=0)
            except KafkaError as error:
                self._failed(error)
                failed.append(one)
            else:
                self._saved()
        self._waiting.extendleft(reversed(failed))

    def _send(self, begin: int, value: bytes | None) -> Future | None:
        try:
            return self._producer.send(
                self._context.settings.changelog_topic,
                value=value,
                key=key(self._number, begin),
                headers=[("writer", self._writer)],
                partition=self._number,
            )
        except (KafkaError, ValueError, TypeError) as error:
            self._failed(error)
            return None

    def _saved(self) -> None:
        if self._failing:
            self._failing = False
            log.info("segments of ids are saved again", partition=self._number)

    def _failed(self, error: object) -> None:
        reason = f"{type(error).__name__}: {error}"
        self._context.telemetry.snapshot_failed()
        unsaved = self._context.health.unsaved
        unsaved.setdefault(
            (self._number, Part.REGRESSION), Unsaved(monotonic(), "")
        ).reason = reason
        if not self._failing:
            self._failing = True
            log.error(
                "segment of ids not saved: the model is not saved before it is",
                topic=self._context.settings.changelog_topic,
                partition=self._number,
                part=PART,
                reason=reason,
            )
