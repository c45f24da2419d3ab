"""The responder's loop: requests in, answers out, beside the learner and never waiting for it."""

import threading
import time
from contextlib import closing
from functools import partial
from time import monotonic, perf_counter

import orjson
import structlog
from kafka import TopicPartition
from kafka.errors import AuthorizationError, KafkaError

from consumer.client import (
    Batches,
    Consumer,
    SkippedRecord,
    connections,
    joined,
    offsets,
    path_of,
    poll,
    read_what_is_new,
    serve,
)
from consumer.client.permissions import RETRY_SECONDS
from consumer.context import Context
from consumer.decode import (
    EventDecoder,
    Record,
    Refusal,
    Rejected,
    Request,
    check_deadline,
    decode_request,
)
from consumer.decode.dialects import (
    Address,
    BadAddressError,
    Headers,
    find_address,
    find_reply_headers,
    unwrap,
)
from consumer.model import answer
from consumer.respond.claim import Claim
from consumer.respond.forwards import Forward, Forwards
from consumer.respond.positions import Positions, Sent
from consumer.respond.replies import PendingReply, Replies
from contract.messages import ErrorCode, Method, RequestOutcome

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
    """

    def __init__(
        self,
        context: Context,
        consumer: Consumer,
        replies: Replies,
        forwards: Forwards,
        claim: Claim,
    ) -> None:
        self._settings = context.settings
        self._path = path_of(context.settings)
        self._consumer = consumer
        self._replies = replies
        self._forwards = forwards
        self._claim = claim
        self._subscribed = False
        self._decode = EventDecoder(context.settings.fields, context.settings.spec.formula.target)
        self._served = context.served
        self._telemetry = context.telemetry
        self._health = context.health
        self._permissions = context.permissions
        self._positions = Positions(consumer)
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

    def _subscribe(self) -> None:
        if not self._subscribed:
            self._consumer.subscribe([self._settings.requests_topic], listener=None)
            self._subscribed = True

    def _unsubscribe(self) -> None:
        """Stand by: commit what is answered, and leave the group, so that others see it."""
        if not self._subscribed:
            return
        self._commit_last()
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
            self._permissions.refused(error)
            stop.wait(RETRY_SECONDS)

    def _turn(self) -> None:
        polled = poll(self._consumer, 0 if self._served_last else POLL_MS)
        at_rest = joined(self._consumer)
        if at_rest:
            self._health.assignment["responder"] = True
        self._take(polled)
        self._begin_where_nothing_came()
        self._positions.keep(self._consumer.assignment())
        if self._positions.begun:
            read_what_is_new(self._consumer)
        if self._positions.commit_when_due(monotonic()):
            oldest = self._positions.oldest(self._settings.replies_topic)
            self._health.oldest_reply = oldest
        self._served_last = at_rest and serve(self._path, self._consumer, self._take, POLL_MS)

    def _take(self, polled: Batches | SkippedRecord) -> None:
        """Answer what was asked; called in this thread, or in the client's while this one waits."""
        if isinstance(polled, SkippedRecord):
            log.warning(
                "request not readable",
                partition=polled.at.partition,
                offset=polled.record.offset,
                detail=polled.why.detail,
            )
            self._telemetry.requested(None, RequestOutcome.REFUSED)
            self._positions.begin(polled.at, polled.record.offset)
            self._positions.took(polled.at, polled.record.offset, None)
        else:
            for at, records in polled.items():
                self._positions.begin(at, records[0].offset)
                for record in records:
                    sent = self._handle(record, at)
                    forwarded = isinstance(sent, Forward)
                    self._positions.took(at, record.offset, sent, forwarded=forwarded)
            self._replies.flush()

    def _begin_where_nothing_came(self) -> None:
        for at in self._consumer.assignment() - self._positions.begun:
            try:
                start = offsets.position(self._consumer, at)
            except KafkaError:
                continue  # it went away in this moment: at the next turn
            if start is not None:
                self._positions.begin(at, start)

    def _handle(self, record: Record, at: TopicPartition) -> Sent | None:
        """Answer one request; what is on its way for it, or None where nothing is owed."""
        started = perf_counter()
        headers, value = unwrap(record.headers, record.value)
        try:
            address = self._address(headers)
        except BadAddressError as bad:
            if bad.fallback is None:
                self._telemetry.requested(None, RequestOutcome.REFUSED)
                return None
            refusal = Refusal(ErrorCode.BAD_REPLY_ADDRESS, bad.detail)
            return self._refuse(bad.fallback, record.key, None, refusal)
        method: Method | None = None
        sent: Sent
        try:
            request = decode_request(value)
            method = request.method
            check_deadline(headers, now_ms=time.time() * 1000)
            if method is Method.LEARN:
                sent = self._forward(request, headers, record, at, address)
            else:
                body = answer.answer(request, self._served.model)
                if stale := self._health.stale:
                    body |= {"stale_seconds": stale}
                sent = self._send(address, record.key, method, body, RequestOutcome.ANSWERED)
        except Refusal as refusal:
            sent = self._refuse(address, record.key, method, refusal)
        except Exception:  # no question may end the service
            log.exception("a request could not be answered", method=method)
            fault = Refusal(ErrorCode.INTERNAL, "the service is at fault, not the request")
            sent = self._refuse(address, record.key, method, fault)
        self._telemetry.answered(perf_counter() - started)
        return sent

    def _address(self, headers: Headers) -> Address:
        settings = self._settings
        return find_address(
            headers, default_topic=settings.replies_topic, allowed=settings.may_reply_to
        )

    def _forward(
        self,
        request: Request,
        headers: Headers,
        record: Record,
        at: TopicPartition,
        address: Address,
    ) -> Forward:
        """An event sent as a request goes to the events topic; the learner acknowledges it.

        Raises:
            Refusal: There is nothing to learn from it, or it cannot be sent on now.
        """
        try:
            value = orjson.dumps(request.params)
        except TypeError:  # orjson reads deeper than it writes
            raise Refusal(ErrorCode.BAD_PARAMS, "the event is nested too deep") from None
        event = self._decode(value)
        if isinstance(event, Rejected):
            raise Refusal(ErrorCode(event.reason), event.detail)
        if not isinstance(event, tuple):
            target = self._settings.spec.formula.target
            raise Refusal(ErrorCode.MISSING_FIELD, f"{target} is missing: nothing to learn from")
        uncommitted = self._positions.forwarded(at)
        if self._forwards.is_half_full(uncommitted):
            self._positions.hurry()
        return self._forwards.send(
            value,
            record,
            at,
            find_reply_headers(headers, default_topic=self._settings.replies_topic),
            uncommitted=uncommitted,
            arrived=partial(self._telemetry.requested, Method.LEARN, RequestOutcome.ANSWERED),
            refuse=partial(self._refuse, address, record.key, Method.LEARN),
        )

    def _refuse(
        self, address: Address, key: bytes | None, method: Method | None, refusal: Refusal
    ) -> PendingReply:
        late = refusal.code is ErrorCode.EXPIRED
        outcome = RequestOutcome.EXPIRED if late else RequestOutcome.REFUSED
        return self._send(address, key, method, answer.error(refusal), outcome)

    def _send(
        self,
        address: Address,
        key: bytes | None,
        method: Method | None,
        body: answer.Reply,
        outcome: RequestOutcome,
    ) -> PendingReply:
        body = self._replies.signed(body)
        reply = PendingReply(address, key, body, method, monotonic(), outcome)
        self._replies.send(reply)
        return reply

    def _commit_last(self) -> None:
        self._positions.keep(self._consumer.assignment())
        self._positions.commit_last()
