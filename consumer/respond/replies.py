"""Replies out, in nobody's way.

A reply whose topic the producer does not know yet waits beside the others until the topic is there,
a few seconds at most. What waits, and what is on its way, are bounded in bytes, each by half of
REPLIES_BUFFER_BYTES: replies to a topic that is not there cannot crowd out the others.
"""

import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import InitVar, dataclass, field, replace
from functools import partial
from math import inf
from time import monotonic
from typing import Any

import orjson
import structlog
from kafka.errors import AuthorizationError, KafkaError, KafkaTimeoutError

from consumer.client import Direct, Producer, introduce
from consumer.decode import Refusal
from consumer.decode.dialects import Address, Message
from consumer.model import answer
from consumer.respond.room import Room
from contract.messages import ErrorCode, Method, RequestOutcome

PATIENCE_SECONDS = 5.0
INTRODUCTION_SECONDS = 0.25
OVERHEAD_BYTES = 1000
"""What a reply takes beside its key and value, and the producer's copy of them."""

Count = Callable[[Method | None, RequestOutcome], None]

log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class PendingReply:
    """An answer on its way.

    Attributes:
        address: Where it goes.
        key: The request's key.
        body: What is answered.
        method: What was asked, where that is known.
        sent_at: When it set out, seconds of a monotonic clock.
        outcome: What the request counts as once this is delivered; None: it is counted elsewhere.
        instead_of: The reply that was given up, where this one tells the requester so.
        settled: Delivered, or known never to be.
        message: The record, in the dialect of the address, until it is another's to send.
        size: How many bytes it takes.
        room: What they are taken from.
    """

    address: Address
    key: bytes | None
    body: InitVar[answer.Reply]
    method: Method | None
    sent_at: float
    outcome: RequestOutcome | None = None
    instead_of: "PendingReply | None" = None
    settled: bool = field(default=False, init=False)
    message: Message | None = field(init=False)
    size: int = field(init=False)
    room: Room | None = field(default=None, init=False)

    def __post_init__(self, body: answer.Reply) -> None:
        """Write it here, where a fault is still the requester's loop's to answer for."""
        error = body.get("error")
        self.message = self.address.write(
            self.key,
            answer.encode(body),
            None if error is None else orjson.dumps(error),
        )
        self.size = OVERHEAD_BYTES + 2 * (len(self.message.value) + len(self.key or b""))

    def move(self, room: Room | None) -> bool:
        """Be counted in this room and no other; False: it is full, and nothing has changed."""
        if room is not None and not room.take(self.size):
            return False
        if self.room is not None:
            self.room.give_back(self.size)
        self.room = room
        return True


class Replies:
    """The way out for replies; ``send`` may be called by any thread and never blocks.

    Args:
        producer: For replies only.
        direct: A shorter way than the producer's, for what is sent in its thread.
        look: Called when a reply begins to wait: ``deliver_waiting`` is due soon.
        count: Called once for each request whose reply is settled.
        buffer_bytes: What all replies may take that are not settled.
        application: The APPLICATION_ID, which each reply says.
    """

    def __init__(
        self,
        producer: Producer,
        direct: Direct,
        look: Callable[[], None],
        count: Count,
        buffer_bytes: int,
        application: str,
    ) -> None:
        self._producer = producer
        self._direct = direct
        self._look = look
        self._count = count
        self._application = application
        self._known: dict[str, int] = {}  # topics that the producer knows; partitions
        self._waiting: deque[PendingReply] = deque()
        self._away_at = -inf
        self._denied_at: dict[str, float] = {}
        self._lock = threading.Lock()
        self._room_to_wait = Room(buffer_bytes // 2)
        self._room_on_the_way = Room(buffer_bytes // 2)

    def signed(self, body: answer.Reply) -> answer.Reply:
        """A reply that says which application it is from: several may share a requests topic."""
        return {**body, "application": self._application}

    def send(self, reply: PendingReply) -> None:
        """Send now if the topic is known, else let it wait for the topic."""
        partitions = self._known.get(reply.address.topic)
        if partitions is None:
            self._wait(reply)
        elif reply.move(self._room_on_the_way):
            self._post(reply, partitions)
        else:
            self._give_up(reply, "too many replies are on their way")

    def flush(self) -> None:
        """Let go at once what this thread has sent, if it is the direct's."""
        self._direct.flush()

    def topics(self) -> set[str]:
        """Those that replies go to, or wait for."""
        with self._lock:
            return {*self._known, *(reply.address.topic for reply in self._waiting)}

    def deliver_waiting(
        self,
        existing: Mapping[str, int] | None,
        now: float,
        denied: Collection[str] = (),
    ) -> bool:
        """Send what waited for one of the existing topics; give up on what waited too long.

        While Kafka does not answer no topic is missing: what waits has all its time after that.
        Called by the watch, whose thread may wait a moment for a topic's metadata.

        Args:
            existing: How many partitions each topic has that we may write to; None while Kafka
                does not answer.
            now: Seconds of a monotonic clock.
            denied: Topics that we shall be allowed to write to: what waits for them has all its
                time after that.

        Returns:
            Whether any reply still waits.
        """
        if existing is not None:
            known = self._known.keys() & existing.keys()
            self._known = {topic: existing[topic] for topic in known}
        else:
            self._away_at = now
        self._denied_at |= dict.fromkeys(denied, now)
        with self._lock:
            waiting, self._waiting = self._waiting, deque()
        self._get_to_know({reply.address.topic for reply in waiting}, existing or {})
        still = deque[PendingReply]()
        for reply in waiting:
            partitions = self._known.get(reply.address.topic)
            if partitions is not None and reply.move(self._room_on_the_way):
                self._post(reply, partitions)
            elif self._has_time(reply, now):
                still.append(reply)
            elif partitions is None:
                self._give_up(reply, "the reply topic does not exist, or we may not write to it")
            else:
                self._give_up(reply, "too many replies are on their way")
        with self._lock:
            self._waiting.extendleft(reversed(still))
            return bool(self._waiting)

    def _has_time(self, reply: PendingReply, now: float) -> bool:
        hindered_at = max(self._away_at, self._denied_at.get(reply.address.topic, -inf))
        return now - max(reply.sent_at, hindered_at) <= PATIENCE_SECONDS

    def _get_to_know(self, topics: set[str], existing: Mapping[str, int]) -> None:
        """Have the producer learn of those topics that exist."""
        deadline = monotonic() + INTRODUCTION_SECONDS
        for topic in (topics & existing.keys()) - self._known.keys():
            try:
                introduce(self._producer, topic, deadline - monotonic())
            except AuthorizationError:
                continue  # allowed a moment ago: what the producer knows is older
            except KafkaError as error:
                log.warning("reply topic not usable", topic=topic, error=repr(error))
            else:
                self._known[topic] = existing[topic]

    def _post(self, reply: PendingReply, partitions: int) -> None:
        address, message = reply.address, reply.message
        if address.partition is not None and address.partition >= partitions:
            self._give_up(reply, "the reply topic has no such partition")
            return
        arrived = partial(self._arrived, reply)
        if message is not None and not self._direct.send(
            address.topic, address.partition, message, arrived
        ):
            self._produce(reply, message)

    def _wait(self, reply: PendingReply) -> None:
        if not reply.move(self._room_to_wait):
            self._give_up(reply, "too many replies wait")
            return
        with self._lock:
            self._waiting.append(reply)
        self._look()

    def _arrived(self, reply: PendingReply, *, delivered: bool) -> None:
        """What the direct has not delivered is the producer's."""
        if delivered:
            self._settle(reply, delivered=True)
        elif reply.message is not None:
            self._produce(reply, reply.message)

    def _produce(self, reply: PendingReply, message: Message) -> None:
        address = reply.address
        try:
            future = self._producer.send(
                address.topic,
                value=message.value,
                key=message.key,
                headers=message.headers,
                partition=address.partition,
            )
        except (KafkaTimeoutError, AuthorizationError):  # gone, or not known to it any more
            self._known.pop(address.topic, None)
            self._wait(reply)
            return
        except (KafkaError, ValueError) as error:
            self._give_up(reply, f"not sent: {type(error).__name__}")
            return
        reply.message = None  # the producer's to send
        future.add_callback(self._delivered, reply)
        future.add_errback(self._failed, reply, message)

    def _delivered(self, reply: PendingReply, _metadata: Any) -> None:  # noqa: ANN401 - kafka-python's
        self._settle(reply, delivered=True)

    def _failed(self, reply: PendingReply, message: Message, error: BaseException) -> None:
        """Not delivered; one that we may not send, or not any more, waits until we may."""
        if isinstance(error, AuthorizationError):
            reply.message = message
            self._known.pop(reply.address.topic, None)
            self._wait(reply)
            return
        log.warning("reply not delivered", topic=reply.address.topic, error=repr(error))
        self._settle(reply, delivered=False)

    def _settle(self, reply: PendingReply, *, delivered: bool) -> None:
        """Nothing more is to be done for it; its request is counted, once."""
        reply.message = None
        reply.move(None)
        reply.settled = True
        if reply.outcome is RequestOutcome.ANSWERED and not delivered:
            self._count(reply.method, RequestOutcome.REFUSED)
        elif reply.outcome is not None:
            self._count(reply.method, reply.outcome)
        if reply.instead_of is not None:
            self._settle(reply.instead_of, delivered=False)

    def _give_up(self, reply: PendingReply, reason: str) -> None:
        """The address leads nowhere: tell the requester elsewhere, if there is such a place."""
        elsewhere = reply.address.fallback
        if elsewhere is None:
            self._settle(reply, delivered=False)
            return
        reply.message = None
        reply.move(None)
        body = self.signed(answer.error(Refusal(ErrorCode.BAD_REPLY_ADDRESS, reason)))
        self.send(replace(reply, address=elsewhere, body=body, outcome=None, instead_of=reply))
