"""The responder's loop: requests in, answers out, beside the learner and never waiting for it."""

import threading
import time
from collections import deque
from contextlib import closing
from math import inf
from time import monotonic, perf_counter

import orjson
import structlog
from kafka import TopicPartition
from kafka.errors import CommitFailedError, KafkaError
from kafka.structs import OffsetAndMetadata

from consumer import answer, client
from consumer.claim import Claim
from consumer.client import Consumer, joined, read_what_is_new
from consumer.decode import EventDecoder, Rejected
from consumer.dialects import (
    Address,
    BadAddressError,
    Headers,
    find_address,
    find_reply_headers,
    is_expired,
    unwrap,
)
from consumer.forwards import Forward, Forwards
from consumer.partition import Record
from consumer.poll import Batches, Pill, poll, serve
from consumer.refusal import Refusal
from consumer.replies import Replies, Reply
from consumer.request import Request, decode_request
from consumer.shared import Shared
from contract.messages import ErrorCode, Method, RequestOutcome

POLL_MS = 200
COMMIT_SECONDS = 1.0

Sent = Reply | Forward

log = structlog.get_logger()


class Responder:
    """Answers requests from the model as it is now.

    Args:
        shared: What all loops share.
        consumer: Of the requests topic.
        replies: The way out for answers.
        forwards: The way to the events topic for events sent as requests.
        claim: Whether our application answers.
    """

    def __init__(
        self,
        shared: Shared,
        consumer: Consumer,
        replies: Replies,
        forwards: Forwards,
        claim: Claim,
    ) -> None:
        self._settings = shared.settings
        self._consumer = consumer
        self._replies = replies
        self._forwards = forwards
        self._claim = claim
        self._subscribed = False
        self._decode = EventDecoder(shared.settings.fields, shared.settings.recipe.formula.target)
        self._served = shared.served
        self._telemetry = shared.telemetry
        self._health = shared.health
        self._unsettled: deque[tuple[TopicPartition, int, Sent | None]] = deque()
        self._done: dict[TopicPartition, int] = {}
        self._begun: set[TopicPartition] = set()
        self._committed_at = monotonic()
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
                self._turn()
            else:
                self._unsubscribe()
                stop.wait(POLL_MS / 1000)
        self._commit()

    def _subscribe(self) -> None:
        if not self._subscribed:
            self._consumer.subscribe([self._settings.requests_topic], listener=None)
            self._subscribed = True

    def _unsubscribe(self) -> None:
        """Stand by: commit what is answered, and leave the group, so that others see it."""
        if not self._subscribed:
            return
        self._commit()
        self._consumer.unsubscribe()
        self._subscribed = self._served_last = False
        self._unsettled.clear()
        self._done.clear()
        self._begun.clear()
        self._health.assignment["responder"] = False
        try:
            with closing(client.admin(self._settings)) as admin:
                client.leave(admin, self._settings, "responder")
        except KafkaError as error:
            log.warning("group not left; it notices by itself", error=repr(error))

    def _turn(self) -> None:
        polled = poll(self._consumer, 0 if self._served_last else POLL_MS)
        at_rest = joined(self._consumer)
        if at_rest:
            self._health.assignment["responder"] = True
        self._begun &= self._consumer.assignment()
        self._take(polled)
        self._begin_where_nothing_came()
        if self._begun:
            read_what_is_new(self._consumer)
        if monotonic() - self._committed_at >= COMMIT_SECONDS:
            self._commit()
        self._served_last = at_rest and serve(self._consumer, self._take, POLL_MS)

    def _take(self, polled: Batches | Pill) -> None:
        """Answer what was asked; called in this thread, or in the client's while this one waits."""
        if isinstance(polled, Pill):
            log.warning(
                "request not readable",
                partition=polled.at.partition,
                offset=polled.record.offset,
                detail=polled.why.detail,
            )
            self._telemetry.undelivered(None)
            self._begin(polled.at, polled.record.offset)
            self._unsettled.append((polled.at, polled.record.offset + 1, None))
        else:
            for at, records in polled.items():
                self._begin(at, records[0].offset)
                for record in records:
                    self._unsettled.append((at, record.offset + 1, self._handle(record, at)))
            self._replies.leave()

    def _begin(self, at: TopicPartition, start: int) -> None:
        """Commit at once where a new partition of ours begins.

        Whoever takes over a partition without an offset begins at the log's end, and what was asked
        between the two would never be answered.
        """
        if at not in self._begun:
            self._begun.add(at)
            self._done[at] = start
            self._committed_at = -inf

    def _begin_where_nothing_came(self) -> None:
        for at in self._consumer.assignment() - self._begun:
            try:
                start = self._consumer.position(at, timeout_ms=POLL_MS)
            except KafkaError:
                continue  # it went away in this moment: at the next turn
            if start is not None:
                self._begin(at, start)

    def _handle(self, record: Record, at: TopicPartition) -> Sent | None:
        """Answer one request; what is on its way for it, or None where nothing is owed."""
        started = perf_counter()
        headers, value = unwrap(record.headers, record.value)
        try:
            address = self._address(headers)
        except BadAddressError as bad:
            self._telemetry.undelivered(None)
            if bad.fallback is None:
                return None
            return self._refuse(
                Refusal(ErrorCode.BAD_REPLY_ADDRESS, bad.detail), bad.fallback, record, None
            )
        method: Method | None = None
        outcome = RequestOutcome.ANSWERED
        sent: Sent | None = None
        try:
            request = decode_request(value)
            method = request.method
            if is_expired(headers, now_ms=time.time() * 1000):
                outcome = RequestOutcome.EXPIRED
            elif method is Method.LEARN:
                sent = self._forward(request, headers, record, at)
            else:
                body = answer.answer(request, self._served.model)
                sent = self._send(address, record, body, method)
        except Refusal as refusal:
            outcome = RequestOutcome.REFUSED
            sent = self._refuse(refusal, address, record, method)
        except Exception:  # no question may end the service
            log.exception("a request could not be answered", method=method)
            outcome = RequestOutcome.REFUSED
            fault = Refusal(ErrorCode.INTERNAL, "the service is at fault, not the request")
            sent = self._refuse(fault, address, record, method)
        self._telemetry.requested(method, outcome, perf_counter() - started)
        return sent

    def _address(self, headers: Headers) -> Address:
        settings = self._settings
        return find_address(
            headers, default_topic=settings.replies_topic, allowed=settings.may_reply_to
        )

    def _forward(
        self, request: Request, headers: Headers, record: Record, at: TopicPartition
    ) -> Sent:
        """An event sent as a request goes to the events topic; the learner acknowledges it.

        Raises:
            Refusal: There is nothing to learn from it.
        """
        try:
            value = orjson.dumps(request.params)
        except TypeError:  # orjson reads deeper than it writes
            raise Refusal(ErrorCode.BAD_PARAMS, "the event is nested too deep") from None
        event = self._decode(value)
        if isinstance(event, Rejected):
            raise Refusal(ErrorCode(event.reason), event.detail)
        if not isinstance(event, tuple):
            target = self._settings.recipe.formula.target
            raise Refusal(ErrorCode.MISSING_FIELD, f"{target} is missing: nothing to learn from")
        asking = find_reply_headers(headers, default_topic=self._settings.replies_topic)
        return self._forwards.send(value, record, at, asking)

    def _refuse(
        self, refusal: Refusal, address: Address, record: Record, method: Method | None
    ) -> Reply:
        return self._send(address, record, answer.error(refusal), method)

    def _send(
        self, address: Address, record: Record, body: answer.Reply, method: Method | None
    ) -> Reply:
        reply = Reply(address, record.key, body, method, sent_at=monotonic())
        self._replies.send(reply)
        return reply

    def _commit(self) -> None:
        """Commit what is answered for good: a request is answered again rather than never."""
        self._committed_at = monotonic()
        while self._unsettled and (self._unsettled[0][2] is None or self._unsettled[0][2].settled):
            at, position, _ = self._unsettled.popleft()
            self._done[at] = position
        ours = self._consumer.assignment()
        positions = {
            at: OffsetAndMetadata(position, "", -1)
            for at, position in self._done.items()
            if at in ours
        }
        self._done.clear()
        if positions:
            try:
                self._consumer.commit_async(positions)
            except CommitFailedError as error:
                log.warning("positions of requests not committed", error=repr(error))
