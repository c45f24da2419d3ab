"""Which application answers a requests topic: one at a time.

A second application (another APPLICATION_ID) on the same topics learns for itself: that is how a
model is learned anew beside the one that answers. If both answered, an asker would get whichever
reply came first. So an application looks for the responders of others before it answers, and stands
by while there are any. When they have left, it takes over from the offsets that they committed: a
change without a gap.

An application that is told to (TAKE_OVER) leaves a note where all of them look: in the offsets of
a group that nobody joins (``take_over``). The one that answers then stops, and the one that left
the note takes over.
"""

import math
import time
from collections.abc import Callable, Collection
from time import monotonic
from typing import Any, TypeVar

import structlog
from kafka import TopicPartition
from kafka.errors import (
    AuthorizationError,
    BrokerResponseError,
    NoError,
    RebalanceInProgressError,
    RetriableError,
)
from kafka.structs import OffsetAndMetadata

from consumer.client import Admin, forbidden, group_id
from consumer.respond.take_over import TAKE_OVER_SECONDS, TakeOver
from consumer.settings import Settings
from consumer.telemetry import FaultKind, Health

RESPONDER = "responder"
LOOK_SECONDS = 3.0
STANDING_BY_SECONDS = 1.0
SHARING = ("PreparingRebalance", "CompletingRebalance")
ABOUT_OTHERS, ABOUT_TAKE_OVER = "the applications that answer", "a note of one that takes over"

T = TypeVar("T")

log = structlog.get_logger()


def should_answer(
    ours: str, others: Collection[str], successor: str | None, *, already: bool
) -> bool:
    """Whether our application is to answer.

    Two that began in the same moment find each other: the one whose name is the lesser stays.

    Args:
        ours: Our APPLICATION_ID.
        others: Those of the others that answer now.
        successor: That of the application that was told to take over, if one was.
        already: Whether we answer now.
    """
    if successor is not None:
        return successor == ours and (already or not others)
    return all(ours < other for other in others) if already else not others


class Claim:
    """Whether this application answers; decided in the watch's thread, obeyed by the responder.

    Args:
        settings: Who we are, and whether we were told to take over.
        health: Where it is noted who answers in our place.
    """

    def __init__(self, settings: Settings, health: Health) -> None:
        self._settings = settings
        self._health = health
        self._group = group_id(settings, RESPONDER)
        self._notes = f"{settings.requests_topic}.take-over"
        self._place = TopicPartition(settings.requests_topic, 0)
        self._predecessors: set[str] = set()
        self._readers: set[str] = set()  # groups that were seen to read our requests topic
        self._looked_at = -math.inf
        self._left_note = False
        self.answering = False

    def look(self, admin: Admin) -> None:
        """See who else answers, and decide anew; called often, and does it when it is due.

        Raises:
            KafkaError: Kafka is away.
        """
        interval = LOOK_SECONDS if self.answering else STANDING_BY_SECONDS
        if monotonic() - self._looked_at < interval:
            return
        self._looked_at = monotonic()
        try:
            others = self._seen(ABOUT_OTHERS, lambda: self._others(admin)) or set()
            successor = self._seen(ABOUT_TAKE_OVER, lambda: self._successor(admin))
            self._decide(admin, others, successor)
        except BrokerResponseError:  # a coordinator that moves, or is not there yet
            self._looked_at = -math.inf

    def _seen(self, about: str, look: Callable[[], T]) -> T | None:
        """What is to be seen; None where we may not look."""
        faults = self._health.faults
        try:
            seen = look()
        except AuthorizationError as error:
            sentence = forbidden(error, "whether another application answers is not known")
            faults.saw(about, FaultKind.PERMISSION, sentence, unready=False)
            return None
        faults.over(about)
        return seen

    def retract(self, admin: Admin) -> None:
        """Take back our note: we end, and nobody should wait until it expires.

        Raises:
            KafkaError: Kafka is away.
        """
        if self._left_note:
            admin.alter_group_offsets(self._notes, {self._place: OffsetAndMetadata(0, "", -1)})

    def _decide(self, admin: Admin, others: set[str], successor: str | None) -> None:
        may = should_answer(
            self._settings.application_id, others, successor, already=self.answering
        )
        self._predecessors |= others
        if may and not self.answering:
            self._adopt(admin)
            log.info("answers requests", topic=self._settings.requests_topic)
        elif not may:
            self._stand_by(", ".join(sorted(others)) or successor or "another application")
        if may:
            self._health.answered_by = ""
        self.answering = may

    def _stand_by(self, other: str) -> None:
        if self._health.answered_by != other:
            log.warning(
                "standing by: another application answers the requests; this one learns, and takes "
                "over when that one leaves, or when started with TAKE_OVER=true",
                topic=self._settings.requests_topic,
                answered_by=other,
            )
        self._health.answered_by = other

    def _others(self, admin: Admin) -> set[str]:
        """The applications whose responders have joined to read our requests topic.

        Raises:
            BrokerResponseError: It cannot be told now.
        """
        suffix = f"-{RESPONDER}"
        groups = [
            group["group_id"]
            for group in admin.list_groups()
            if group["group_id"].endswith(suffix)
            and group["group_id"] != self._group
            and group.get("group_state") not in ("Empty", "Dead")
        ]
        if not groups:
            return set()
        return {
            name.removesuffix(suffix)
            for name, group in admin.describe_groups(groups).items()
            if self._reads_ours(name, group)
        }

    def _reads_ours(self, name: str, group: dict[str, Any]) -> bool:
        """Kafka does not tell what a group reads that shares its partitions, or that it moves."""
        moves = "Coordinator" in (group["error"] or "")
        if group["group_state"] not in SHARING and not moves:
            topics = {topic for member in group["members"] for topic in _topics(member)}
            reads = self._settings.requests_topic in topics
            (self._readers.add if reads else self._readers.discard)(name)
            return reads
        if name not in self._readers and not self.answering:
            raise RebalanceInProgressError(name)  # it may be one: to be looked at again
        return name in self._readers

    def _successor(self, admin: Admin) -> str | None:
        """The application that is to take over, if any; leaves our own note where there is none."""
        now_ms = time.time() * 1000
        found = admin.list_group_offsets({self._notes: [self._place]})[self._notes]
        at = found.get(self._place)
        note = TakeOver.read(at.metadata or "", now_ms=now_ms) if at is not None else None
        ours = self._settings.application_id
        if self._settings.take_over and (note is None or note.application == ours):
            note = TakeOver(ours, int(now_ms + TAKE_OVER_SECONDS * 1000))
            admin.alter_group_offsets(
                self._notes, {self._place: OffsetAndMetadata(0, str(note), -1)}
            )
            self._left_note = True
        return None if note is None else note.application

    def _adopt(self, admin: Admin) -> None:
        """Begin where those that answered before us have stopped, if there were any.

        Raises:
            BrokerResponseError: It cannot be done now.
        """
        if not self._predecessors:
            return
        ours = self._settings.application_id
        try:
            # Ours among them: what we have answered we do not answer again.
            positions = self._positions_of(admin, {*self._predecessors, ours})
            offsets = {at: OffsetAndMetadata(offset, "", -1) for at, offset in positions.items()}
            for error in admin.alter_group_offsets(self._group, offsets).values():
                if error is not NoError:
                    raise error(self._group)
        except BrokerResponseError as error:  # not ours to see; or another instance has joined
            if isinstance(error, RetriableError):
                raise
            log.info("positions of requests not taken over", error=repr(error))
        self._predecessors.clear()

    def _positions_of(self, admin: Admin, applications: set[str]) -> dict[TopicPartition, int]:
        """How far these have answered the requests, the furthest of each partition."""
        positions: dict[TopicPartition, int] = {}
        for application in applications:
            group = f"{application}-{RESPONDER}"
            for at, committed in admin.list_group_offsets({group: None})[group].items():
                if at.topic == self._settings.requests_topic and committed.offset >= 0:
                    positions[at] = max(committed.offset, positions.get(at, 0))
        return positions


def _topics(member: dict[str, Any]) -> Collection[str]:
    """What a member of a group has subscribed to."""
    subscription = member.get("member_metadata")
    return subscription.get("topics", ()) if isinstance(subscription, dict) else ()
