"""Replies to Kafka, without ever blocking the thread that answers.

    send ──> topic known? ──no──> wait for the topic ──(watch: it is there)──┐
                  │ yes                                                     │
                  └──> post <────────────────────────────────────────────────┘
                        ├── direct producer: written by this thread, if the leader is connected
                        └── producer:        everything else, with its own retries
                              ├── delivered ───> settled; the request is counted
                              ├── denied ──────> waits again, as for an unknown topic
                              └── failed ──────> settled, and counted as refused

A reply waits a few seconds at most for a topic that does not exist or is denied (but for our own
replies topic until it is allowed); then the asker is told at the address's fallback, if it has one.
Waiting replies and posted ones are limited in bytes, each to
half of REPLIES_BUFFER_BYTES, so that replies to a missing topic cannot crowd out the others.
"""

import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from math import inf
from time import monotonic
from typing import Any

import structlog
from kafka.errors import AuthorizationError, KafkaError, KafkaTimeoutError

from consumer.client import Direct, Producer, introduce
from consumer.decode import RequestError
from consumer.decode.dialects import Message
from consumer.model import answer
from consumer.respond.byte_budget import ByteBudget
from consumer.respond.pending import PendingReply
from contract.messages import ErrorCode, Method, RequestOutcome

PATIENCE_SECONDS = 5.0
"""How long a reply waits for its topic."""
INTRODUCTION_SECONDS = 0.25
"""How long one look may wait for the producer to learn of topics."""

Count = Callable[[Method | None, RequestOutcome], None]

log = structlog.get_logger()


class Replies:
    """Sends replies; ``send`` may be called by any thread and never blocks.

    Args:
        producer: A producer for replies alone.
        direct: Sends from the thread that answers, where it can.
        look: Called when a reply begins to wait, so that ``deliver_waiting`` is called soon.
        count: Called once for each request, when its reply is settled.
        buffer_bytes: The memory that replies may take until they are settled.
        application: The APPLICATION_ID, which each reply names.
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
        self._partition_counts: dict[str, int] = {}  # of the topics that the producer knows
        self._waiting: deque[PendingReply] = deque()
        self._lock = threading.Lock()  # guards _waiting
        self._unreachable_at = -inf
        self._denied_at: dict[str, float] = {}
        self._waiting_budget = ByteBudget(buffer_bytes // 2)
        self._posted_budget = ByteBudget(buffer_bytes // 2)

    def signed(self, body: answer.Reply) -> answer.Reply:
        """Name our application in a reply: several may share a requests topic."""
        return {**body, "application": self._application}

    def send(self, reply: PendingReply) -> None:
        """Post the reply if its topic is known; otherwise let it wait for the topic."""
        partition_count = self._partition_counts.get(reply.address.topic)
        if partition_count is None:
            self._wait(reply)
        elif reply.charge(self._posted_budget):
            self._post(reply, partition_count)
        else:
            self._give_up(reply, "too many replies are being sent")

    def flush(self) -> None:
        """Write what this thread has handed to the direct producer."""
        self._direct.flush()

    def topics(self) -> set[str]:
        """The topics that replies are sent to or wait for."""
        with self._lock:
            return {*self._partition_counts, *(reply.address.topic for reply in self._waiting)}

    def deliver_waiting(
        self,
        writable: Mapping[str, int] | None,
        now: float,
        denied: Collection[str] = (),
    ) -> bool:
        """Post the waiting replies whose topics exist; give up on those that waited too long.

        Called by the watch's thread, which may block a moment for a topic's metadata. While Kafka
        does not answer, or denies us a topic, patience does not run out: it begins anew afterwards.

        Args:
            writable: The partition count of each existing topic that we may write to; None while
                Kafka does not answer.
            now: Monotonic seconds.
            denied: Topics that replies wait for until Kafka allows them: our own.

        Returns:
            Whether any reply still waits.
        """
        if writable is None:
            self._unreachable_at = now
        else:
            known = self._partition_counts.keys() & writable.keys()
            self._partition_counts = {topic: writable[topic] for topic in known}
        self._denied_at |= dict.fromkeys(denied, now)
        with self._lock:
            waiting, self._waiting = self._waiting, deque()
        self._learn_of({reply.address.topic for reply in waiting}, writable or {})
        still = deque(reply for reply in waiting if not self._stops_waiting(reply, now))
        with self._lock:
            self._waiting.extendleft(reversed(still))
            return bool(self._waiting)

    def _learn_of(self, topics: set[str], writable: Mapping[str, int]) -> None:
        """Have the producer fetch the metadata of those topics that exist."""
        deadline = monotonic() + INTRODUCTION_SECONDS
        for topic in (topics & writable.keys()) - self._partition_counts.keys():
            try:
                introduce(self._producer, topic, deadline - monotonic())
            except AuthorizationError:
                continue  # allowed a moment ago: the producer's metadata is older than that
            except KafkaError as error:
                log.warning("reply topic not usable", topic=topic, error=repr(error))
            else:
                self._partition_counts[topic] = writable[topic]

    def _stops_waiting(self, reply: PendingReply, now: float) -> bool:
        """Post the reply, or give it up if its time is over; False: it waits on."""
        topic = reply.address.topic
        partition_count = self._partition_counts.get(topic)
        if partition_count is not None and reply.charge(self._posted_budget):
            self._post(reply, partition_count)
            return True
        hindered_at = max(self._unreachable_at, self._denied_at.get(topic, -inf))
        if now - max(reply.sent_at, hindered_at) <= PATIENCE_SECONDS:
            return False
        if partition_count is None:
            self._give_up(reply, "the reply topic does not exist, or we may not write to it")
        else:
            self._give_up(reply, "too many replies are being sent")
        return True

    def _wait(self, reply: PendingReply) -> None:
        if not reply.charge(self._waiting_budget):
            self._give_up(reply, "too many replies wait")
            return
        with self._lock:
            self._waiting.append(reply)
        self._look()

    def _post(self, reply: PendingReply, partition_count: int) -> None:
        """Send by the direct producer if it takes the reply, else by the producer."""
        address, message = reply.address, reply.message
        if address.partition is not None and address.partition >= partition_count:
            self._give_up(reply, "the reply topic has no such partition")
            return
        arrived = partial(self._sent_directly, reply)
        if message is not None and not self._direct.send(
            address.topic, address.partition, message, arrived
        ):
            self._produce(reply, message)

    def _sent_directly(self, reply: PendingReply, *, delivered: bool) -> None:
        """What the direct producer could not deliver is sent by the producer."""
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
        except (KafkaTimeoutError, AuthorizationError):  # the producer knows the topic no longer
            self._partition_counts.pop(address.topic, None)
            self._wait(reply)
            return
        except (KafkaError, ValueError) as error:
            self._give_up(reply, f"not sent: {type(error).__name__}")
            return
        reply.message = None  # the producer sends it now
        future.add_callback(self._delivered, reply)
        future.add_errback(self._failed, reply, message)

    def _delivered(self, reply: PendingReply, _metadata: Any) -> None:  # noqa: ANN401 - kafka-python's
        self._settle(reply, delivered=True)

    def _failed(self, reply: PendingReply, message: Message, error: BaseException) -> None:
        """A reply that Kafka denies waits again; any other that failed is lost."""
        if isinstance(error, AuthorizationError):
            reply.message = message
            self._partition_counts.pop(reply.address.topic, None)
            self._wait(reply)
            return
        log.warning("reply not delivered", topic=reply.address.topic, error=repr(error))
        self._settle(reply, delivered=False)

    def _give_up(self, reply: PendingReply, reason: str) -> None:
        """The address leads nowhere: tell the asker at its fallback, if it has one."""
        elsewhere = reply.address.fallback
        if elsewhere is None:
            self._settle(reply, delivered=False)
            return
        reply.message = None
        reply.charge(None)
        body = self.signed(answer.error(RequestError(ErrorCode.BAD_REPLY_ADDRESS, reason)))
        self.send(replace(reply, address=elsewhere, body=body, outcome=None, instead_of=reply))

    def _settle(self, reply: PendingReply, *, delivered: bool) -> None:
        """Release the reply's memory, and count its request once."""
        reply.message = None
        reply.charge(None)
        reply.settled = True
        if reply.outcome is RequestOutcome.ANSWERED and not delivered:
            self._count(reply.method, RequestOutcome.REFUSED)
        elif reply.outcome is not None:
            self._count(reply.method, reply.outcome)
        if reply.instead_of is not None:
            self._settle(reply.instead_of, delivered=False)
