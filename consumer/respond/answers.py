"""Answers one request from the model as it is now, or refuses it.

The asker is told either way, unless its reply address is bad and has no fallback. A question that
the model does not have the positions for is set aside (``waiting``).
"""

import time
from functools import partial
from time import monotonic, perf_counter

import orjson
import structlog
from kafka import TopicPartition

from consumer.context import Context
from consumer.decode import (
    SKIPPED,
    Record,
    Rejected,
    Request,
    RequestError,
    ValueAlone,
    check_deadline,
    decode_request,
)
from consumer.decode.dialects import (
    Address,
    BadAddressError,
    Headers,
    find_address,
    find_deadline,
    find_reply_headers,
    unwrap,
)
from consumer.model import Model, answer
from consumer.respond.forwards import Forward, Forwards
from consumer.respond.pending import PendingReply, waited
from consumer.respond.positions import Positions, Sent
from consumer.respond.replies import Replies
from consumer.respond.waiting import Question, Waiting, wait_until
from contract.messages import ErrorCode, Method, RequestOutcome

QUESTION_BYTES = 2000
"""What a question takes that waits, beside its key and value."""

log = structlog.get_logger()


class Answers:
    """Answers requests; used by the client's I/O thread and the responder's, one at a time.

    Args:
        context: What all loops share.
        replies: The way out for answers.
        forwards: The way to the events topic for events sent as requests.
        positions: How many events of a partition have been sent on and are not committed yet.
        waiting: The questions that the model does not have the positions for.
    """

    def __init__(
        self,
        context: Context,
        replies: Replies,
        forwards: Forwards,
        positions: Positions,
        waiting: Waiting,
    ) -> None:
        self._settings = context.settings
        self._served = context.served
        self._telemetry = context.telemetry
        self._health = context.health
        self._spans = context.spans
        self._replies = replies
        self._forwards = forwards
        self._positions = positions
        self._waiting = waiting
        self._spec = context.settings.spec

    def handle(self, record: Record, at: TopicPartition) -> Sent | None:
        """Answer one request.

        Returns:
            What is on its way for it; None where its reply address leads nowhere.
        """
        started = perf_counter()
        headers, value = unwrap(record.headers, record.value)
        try:
            address = self._address(headers)
        except BadAddressError as bad:
            if bad.fallback is None:
                self._telemetry.requested(None, RequestOutcome.REFUSED)
                return None
            refusal = RequestError(ErrorCode.BAD_REPLY_ADDRESS, bad.detail)
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
                model = self._served.to_answer()
                if not self._waiting.met(request.at_least, model):
                    return self._set_aside(request, headers, record, at, address, model)
                sent = self._answer(request, address, record.key, model)
        except RequestError as refusal:
            sent = self._refuse(address, record.key, method, refusal)
        except Exception:  # no question may end the service
            log.exception("a request could not be answered", method=method)
            sent = self._refuse(address, record.key, method, _fault())
        self._told(at, record, method, sent, perf_counter() - started)
        return sent

    def _told(
        self,
        at: TopicPartition,
        record: Record,
        method: Method | None,
        sent: Sent,
        seconds: float,
    ) -> None:
        """Count an answer, and how long it took."""
        self._telemetry.answered(seconds, waited(record, sent))
        if self._spans is not None:
            outcome = sent.outcome if isinstance(sent, PendingReply) else None
            self._spans.answered(
                at.topic, at.partition, record, method=method, outcome=outcome, seconds=seconds
            )

    def _set_aside(
        self,
        request: Request,
        headers: Headers,
        record: Record,
        at: TopicPartition,
        address: Address,
        model: Model,
    ) -> Question:
        """Let the question wait for its positions; its latency counts, its wait is no work.

        Raises:
            RequestError: Too many wait.
        """

        def answered(model: Model) -> PendingReply:
            started = perf_counter()
            try:
                sent = self._answer(request, address, record.key, model)
            except RequestError as refusal:
                sent = refused(refusal)
            except Exception:  # as above
                log.exception("a request could not be answered", method=request.method)
                sent = refused(_fault())
            self._told(at, record, request.method, sent, perf_counter() - started)
            return sent

        refused = partial(self._refuse, address, record.key, request.method)
        size = QUESTION_BYTES + len(record.value or b"") + len(record.key or b"")
        until = wait_until(find_deadline(headers), time.time() * 1000, monotonic())
        question = Question(at, request.at_least, until, size, answered, refused)
        self._waiting.add(question, model)
        return question

    def _answer(
        self, request: Request, address: Address, key: bytes | None, model: Model
    ) -> PendingReply:
        """The answer, with the age of what is known where a log's end is not.

        Raises:
            RequestError: It cannot be answered.
        """
        body = answer.answer(request, model, self._settings.planned_events)
        if stale := self._health.stale:
            body |= {"stale_seconds": stale}
        return self._send(address, key, request.method, body, RequestOutcome.ANSWERED)

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
            RequestError: There is nothing to learn from it, or it cannot be sent on now.
        """
        try:
            value = orjson.dumps(request.params)
        except TypeError:  # orjson reads deeper than it writes
            raise RequestError(ErrorCode.BAD_PARAMS, "the event is nested too deep") from None
        event = self._spec.decode(ValueAlone(value, timestamp=int(time.time() * 1000)))
        if isinstance(event, Rejected):
            raise RequestError(ErrorCode(event.reason), event.detail)
        if not isinstance(event, tuple):
            if event is SKIPPED:
                message = "the model file's where does not ask for it: nothing to learn from"
                raise RequestError(ErrorCode.NOT_LEARNED, message)
            target = self._spec.formula.target
            raise RequestError(
                ErrorCode.MISSING_FIELD, f"{target} is missing: nothing to learn from"
            )
        uncommitted = self._positions.forwarded(at)
        if self._forwards.is_half_full(uncommitted):
            self._positions.hurry()
            self._waiting.give_up(at)
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
        self, address: Address, key: bytes | None, method: Method | None, refusal: RequestError
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


def _fault() -> RequestError:
    return RequestError(ErrorCode.INTERNAL, "the service is at fault, not the request")
