"""The responder's loop: requests in, answers out, beside the learner and never waiting for it."""

import threading
import time
from collections import deque
from collections.abc import Callable
from time import monotonic, perf_counter

import orjson
import structlog
from kafka import ConsumerRebalanceListener, TopicPartition
from kafka.errors import CommitFailedError
from kafka.structs import OffsetAndMetadata

from consumer import answer
from consumer.client import Consumer
from consumer.dialects import Address, BadAddressError, find_address, is_expired
from consumer.health import Health
from consumer.model import Served
from consumer.partition import Record
from consumer.poll import Pill, poll
from consumer.refusal import Refusal
from consumer.replies import Replies, Reply
from consumer.request import decode_request
from consumer.settings import Settings
from consumer.telemetry import Telemetry
from contract.messages import ErrorCode, Method, RequestOutcome

POLL_MS = 200
COMMIT_SECONDS = 1.0

log = structlog.get_logger()


class _Joined(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
    def __init__(self, health: Health) -> None:
        self._health = health

    def on_partitions_assigned(self, assigned: object) -> None:  # noqa: ARG002
        self._health.assignment["responder"] = True

    def on_partitions_revoked(self, revoked: object) -> None:
        pass


class Responder:
    """Answers requests from the model as it is now.

    Args:
        settings: The service's.
        consumer: Of the requests topic.
        replies: The way out.
        served: The model.
        telemetry: Counts and times.
        health: Facts about the loop.
    """

    def __init__(
        self,
        settings: Settings,
        consumer: Consumer,
        replies: Replies,
        served: Served,
        telemetry: Telemetry,
        health: Health,
    ) -> None:
        self._settings = settings
        self._consumer = consumer
        self._replies = replies
        self._served = served
        self._telemetry = telemetry
        self._health = health
        self._unsettled: deque[tuple[TopicPartition, int, Reply | None]] = deque()
        self._done: dict[TopicPartition, int] = {}
        self._committed_at = monotonic()

    def run(self, stop: threading.Event) -> None:
        """Answer until told to stop."""
        self._health.assignment["responder"] = False
        self._consumer.subscribe([self._settings.requests_topic], listener=_Joined(self._health))
        while not stop.is_set():
            self._health.beat("responder", now=monotonic())
            self._turn()
        self._commit()

    def _turn(self) -> None:
        polled = poll(self._consumer, POLL_MS)
        if isinstance(polled, Pill):
            log.warning(
                "request not readable",
                partition=polled.at.partition,
                offset=polled.record.offset,
                detail=polled.why.detail,
            )
            self._telemetry.undelivered(None)
            self._unsettled.append((polled.at, polled.record.offset + 1, None))
        else:
            for at, records in polled.items():
                for record in records:
                    self._unsettled.append((at, record.offset + 1, self._handle(record)))
        if monotonic() - self._committed_at >= COMMIT_SECONDS:
            self._commit()

    def _handle(self, record: Record) -> Reply | None:
        """Answer one request; the reply on its way, or None where none is owed."""
        started = perf_counter()
        settings = self._settings
        try:
            address = find_address(
                record.headers,
                default_topic=settings.replies_topic,
                allowed=settings.may_reply_to,
            )
        except BadAddressError as bad:
            self._telemetry.undelivered(None)
            return self._tell(bad, record)
        method: Method | None = None
        try:
            request = decode_request(record.value)
            method = request.method
            if is_expired(record.headers, now_ms=time.time() * 1000):
                self._count(method, RequestOutcome.EXPIRED, started)
                return None
            body = answer.answer(request, self._served.model)
            outcome = RequestOutcome.ANSWERED
        except Refusal as refusal:
            body = answer.error(refusal)
            outcome = RequestOutcome.REFUSED
        reply = self._reply(address, record, body, undeliverable=self._nowhere(record, method))
        self._replies.send(reply)
        self._count(method, outcome, started)
        return reply

    def _tell(self, bad: BadAddressError, record: Record) -> Reply | None:
        """Tell a requester whose reply address is of no use, where its id is known."""
        if bad.fallback is None:
            return None
        refusal = Refusal(ErrorCode.BAD_REPLY_ADDRESS, bad.detail)
        reply = self._reply(bad.fallback, record, answer.error(refusal), undeliverable=_ignored)
        self._replies.send(reply)
        return reply

    def _nowhere(self, record: Record, method: Method | None) -> Callable[[str], None]:
        """What to do once a reply's address turns out to lead nowhere."""

        def undeliverable(reason: str) -> None:
            self._telemetry.undelivered(method)
            id_only = [(k, v) for k, v in record.headers if k == "correlation_id"]
            try:
                home = find_address(
                    id_only, default_topic=self._settings.replies_topic, allowed=lambda _: False
                )
            except BadAddressError:
                return
            self._tell(BadAddressError(reason, home), record)

        return undeliverable

    @staticmethod
    def _reply(
        address: Address,
        record: Record,
        body: answer.Reply,
        *,
        undeliverable: Callable[[str], None],
    ) -> Reply:
        return Reply(address, record.key, orjson.dumps(body), undeliverable, sent_at=monotonic())

    def _count(self, method: Method | None, outcome: RequestOutcome, started: float) -> None:
        self._telemetry.requested(method, outcome, perf_counter() - started)

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


def _ignored(_reason: str) -> None:
    """The default reply topic is not there either: nobody can be told."""
