"""The responder's loop: requests in, answers out, beside the learner and never waiting for it."""

import threading
from collections.abc import Callable
from contextlib import closing
from time import monotonic

import structlog
from kafka.errors import AuthorizationError, KafkaError

from consumer.client import (
    Batches,
    Consumer,
    client_path,
    connections,
    joined,
    offsets,
    poll,
    read_what_is_new,
    serve,
)
from consumer.client.permissions import RETRY_SECONDS
from consumer.context import Context
from consumer.respond.answers import Answers
from consumer.respond.claim import Claim
from consumer.respond.forwards import Forward, Forwards
from consumer.respond.positions import Positions
from consumer.respond.replies import Replies
from consumer.respond.waiting import LOOK_SECONDS, Waiting

POLL_MS = 200

log = structlog.get_logger()


class Responder:
    """Answers requests from the model as it is now.

    Args:
        context: What all loops share.
        consumer: Of the requests topic.
        replies: The way out for answers.
        forwards: The way to the events topic for events sent as requests.
        claim: Whether our application answers.
        partitions: The events topic's partition count.
        ask: Asks the owner of a partition for a snapshot of a position.
    """

    def __init__(  # noqa: PLR0913
        self,
        context: Context,
        consumer: Consumer,
        replies: Replies,
        forwards: Forwards,
        claim: Claim,
        *,
        partitions: int,
        ask: Callable[[int, int], None],
    ) -> None:
        self._settings = context.settings
        self._path = client_path(context.settings)
        self._consumer = consumer
        self._replies = replies
        self._claim = claim
        self._subscribed = False
        self._telemetry = context.telemetry
        self._health = context.health
        self._permissions = context.permissions
        self._positions = Positions(consumer)
        self._waiting = Waiting(context.served, partitions, ask)
        self._answers = Answers(context, replies, forwards, self._positions, self._waiting)
        self._served_last = False

    def run(self, stop: threading.Event, loaded: threading.Event) -> None:
        """Answer until told to stop, from the moment on when the saved state is ``loaded``."""
        self._health.assignment["responder"] = False
        while not stop.is_set() and not loaded.wait(POLL_MS / 1000):
            self._health.beat("responder", now=monotonic())
        while not stop.is_set():
            self._health.beat("responder", now=monotonic())
            if self._claim.answering:
                self._subscribe()
                self._turn_if_allowed(stop)
            else:
                self._unsubscribe()
                stop.wait(POLL_MS / 1000)
        self._commit_last()

    def widen(self, partitions: int) -> None:
        """Note that the events topic has grown; may be called by any thread."""
        self._waiting.widen(partitions)

    def _subscribe(self) -> None:
        if not self._subscribed:
            self._consumer.subscribe([self._settings.requests_topic], listener=None)
            self._subscribed = True

    def _unsubscribe(self) -> None:
        """Stand by: commit what is answered, and leave the group, so that others see it."""
        if not self._subscribed:
            return
        self._commit_last()
        self._waiting.keep(frozenset())
        self._consumer.unsubscribe()
        self._subscribed = self._served_last = False
        self._health.oldest_reply = None
        self._health.assignment["responder"] = False
        try:
            with closing(connections.admin(self._settings)) as admin:
                connections.leave(admin, self._settings, "responder")
        except KafkaError as error:
            log.warning("group not left; it notices by itself", error=repr(error))

    def _turn_if_allowed(self, stop: threading.Event) -> None:
        try:
            self._turn()
        except AuthorizationError as error:
            self._permissions.note_denial(error)
            stop.wait(RETRY_SECONDS)

    def _turn(self) -> None:
        patience_ms = LOOK_SECONDS * 1000 if self._waiting else POLL_MS
        polled = poll(self._consumer, 0 if self._served_last else int(patience_ms))
        at_rest = joined(self._consumer)
        if at_rest:
            self._health.assignment["responder"] = True
        self._take(polled)
        self._look()
        self._begin_where_nothing_came()
        ours = self._consumer.assignment()
        self._positions.keep(ours)
        self._waiting.keep(ours)
        if self._positions.begun:
            read_what_is_new(self._consumer)
        if self._positions.commit_when_due(monotonic()):
            oldest = self._positions.oldest(self._settings.replies_topic)
            self._health.oldest_reply = oldest
        self._served_last = at_rest and serve(
            self._path, self._consumer, self._take, POLL_MS, self._look
        )

    def _take(self, polled: Batches) -> None:
        """Answer what was asked; called in this thread, or in the client's while this one waits."""
        for at, records in polled.items():
            self._positions.begin(at, records[0].offset)
            for record in records:
                sent = self._answers.handle(record, at)
                forwarded = isinstance(sent, Forward)
                self._positions.took(at, record.offset, sent, forwarded=forwarded)
        self._replies.flush()

    def _look(self) -> float:
        """Answer what has waited; called as ``_take`` is. In how many seconds again."""
        soon = self._waiting.look(monotonic())
        self._telemetry.waiting(len(self._waiting))
        self._replies.flush()
        return soon

    def _begin_where_nothing_came(self) -> None:
        for at in self._consumer.assignment() - self._positions.begun:
            try:
                start = offsets.position(self._consumer, at)
            except KafkaError:
                continue  # it went away in this moment: at the next turn
            if start is not None:
                self._positions.begin(at, start)

    def _commit_last(self) -> None:
        self._positions.keep(self._consumer.assignment())
        self._positions.commit_last()
