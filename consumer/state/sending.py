"""Sends the snapshots of one part of a partition, one at a time."""

import time
from contextlib import suppress
from functools import partial
from time import monotonic

import structlog
from kafka.errors import KafkaError

from consumer.client import Future, Producer
from consumer.context import Context
from consumer.state import snapshot
from consumer.state.snapshot import Snapshot
from consumer.telemetry import Unsaved

log = structlog.get_logger()


class Sending:
    """What the changelog holds of a part, and the way there; ``send`` never blocks.

    Args:
        context: What all loops share.
        producer: A producer for snapshots alone.
        writer: A header value by which our follower recognises our own snapshots.

    Attributes:
        position: Of the last acknowledged snapshot; None before the first.
        rows: Of how many folded rows it is.
        failing: Whether the latest snapshot could not be saved.
        is_ours: Whether the partition is still ours, so that what fails leaves it unsaved.
    """

    def __init__(
        self, context: Context, producer: Producer, writer: bytes, position: int | None, rows: int
    ) -> None:
        self.position = position
        self.rows = rows
        self.failing = False
        self.is_ours = True
        self._context = context
        self._producer = producer
        self._writer = writer
        self._under_way: Future | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether a snapshot is neither acknowledged nor given up."""
        return self._under_way is not None and not self._under_way.is_done

    def send(self, taken: Snapshot, rows: int, coefficients: dict[str, float]) -> bool:
        """Send a snapshot, unless one is under way; whether it was sent."""
        if self.is_under_way:
            return False
        failed = partial(self._failed, taken)
        try:
            document = snapshot.write(taken, coefficients)
            self._under_way = self._producer.send(
                self._context.settings.changelog_topic,
                value=document,
                key=taken.part.key(taken.partition),
                headers=[("writer", self._writer)],
                partition=taken.partition,
            )
        # ValueError: a number that JSON cannot hold, or a partition the producer does not know.
        except (KafkaError, ValueError, TypeError) as error:
            failed(error)
            return False
        arrived = partial(self._arrived, taken, rows, len(document), monotonic())
        self._under_way.add_callback(arrived)
        self._under_way.add_errback(failed)
        return True

    def settle(self, timeout_seconds: float) -> None:
        """Wait for the snapshot that is under way, if one is."""
        if self._under_way is not None:
            with suppress(KafkaError):  # the errback has told of it
                self._under_way.get(timeout=timeout_seconds)

    def _arrived(self, taken: Snapshot, rows: int, size: int, started: float, _at: object) -> None:
        """Called by the producer's thread when a snapshot is acknowledged."""
        self.position, self.rows = taken.position, rows
        self._context.health.unsaved.pop((taken.partition, taken.part), None)
        self._context.telemetry.checkpointed(monotonic() - started, size, time.time())
        if self.failing:
            self.failing = False
            log.info(
                "snapshots are saved again",
                partition=taken.partition,
                part=taken.part,
                position=taken.position,
            )

    def _failed(self, taken: Snapshot, error: BaseException) -> None:
        """Count each snapshot that could not be saved, and log the first in a row."""
        reason = f"{type(error).__name__}: {error}"
        self._context.telemetry.snapshot_failed()
        if self.is_ours:
            at, unsaved = (taken.partition, taken.part), self._context.health.unsaved
            unsaved.setdefault(at, Unsaved(monotonic(), "")).reason = reason
        if not self.failing:
            self.failing = True
            log.error(
                "snapshot not saved: what is learned now would be read again after a crash",
                topic=self._context.settings.changelog_topic,
                partition=taken.partition,
                part=taken.part,
                reason=reason,
            )
