"""Replies out, in nobody's way.

A reply whose topic the producer does not know yet waits beside the others until the topic is there,
a few seconds at most: kafka-python would otherwise hold up everybody for its metadata. So does one
that the lane could not deliver.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import orjson
import structlog
from kafka.errors import KafkaError

from consumer import answer
from consumer.client import Producer
from consumer.dialects import Address, Message
from consumer.lane import Lane
from consumer.refusal import Refusal
from contract.messages import ErrorCode, Method

PATIENCE_SECONDS = 5.0
MAX_WAITING = 10_000

log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class Reply:
    """An answer on its way.

    Attributes:
        address: Where it goes.
        key: The request's key.
        body: What is answered.
        method: What was asked, where that is known.
        sent_at: When it set out, seconds of a monotonic clock.
        settled: Delivered, or known never to be.
        message: The record, in the dialect of the address.
    """

    address: Address
    key: bytes | None
    body: answer.Reply
    method: Method | None
    sent_at: float
    settled: bool = False
    message: Message = field(init=False)

    def __post_init__(self) -> None:
        """Write it here, where a fault is still the requester's loop's to answer for."""
        error = self.body.get("error")
        self.message = self.address.write(
            self.key,
            answer.encode(self.body),
            None if error is None else orjson.dumps(error),
        )


class Replies:
    """The way out for replies; ``send`` may be called by any thread and never blocks.

    Args:
        producer: For replies only.
        lane: A shorter way than the producer's, for what is sent in its thread.
        look: Called when a reply begins to wait: ``deliver_waiting`` is due soon.
        lost: Called with the method of a reply whose address leads nowhere.
    """

    def __init__(
        self,
        producer: Producer,
        lane: Lane,
        look: Callable[[], None],
        lost: Callable[[Method | None], None],
    ) -> None:
        self._producer = producer
        self._lane = lane
        self._look = look
        self._lost = lost
        self._known: dict[str, int] = {}  # topics that the producer knows; partitions
        self._waiting: deque[Reply] = deque()
        self._lock = threading.Lock()

    def send(self, reply: Reply) -> None:
        """Send now if the topic is known, else let it wait for the topic."""
        partitions = self._known.get(reply.address.topic)
        if partitions is not None:
            self._post(reply, partitions)
        else:
            self._wait(reply)

    def leave(self) -> None:
        """Let go at once what this thread has sent, if it is the lane's."""
        self._lane.leave()

    def topics(self) -> set[str]:
        """Those that replies go to, or wait for."""
        with self._lock:
            return {*self._known, *(reply.address.topic for reply in self._waiting)}

    def deliver_waiting(self, existing: Mapping[str, int] | None, now: float) -> bool:
        """Send what waited for one of the existing topics; give up on what waited too long.

        Called by the watch, whose thread may block for a topic's metadata.

        Args:
            existing: How many partitions each topic has; None while Kafka does not answer.
            now: Seconds of a monotonic clock.

        Returns:
            Whether any reply still waits.
        """
        if existing is not None:
            known = self._known.keys() & existing.keys()
            self._known = {topic: existing[topic] for topic in known}
        with self._lock:
            waiting, self._waiting = self._waiting, deque()
        still = deque[Reply]()
        for reply in waiting:
            partitions = self._partitions(reply.address.topic, existing or {})
            if partitions is not None:
                self._post(reply, partitions)
            elif now - reply.sent_at > PATIENCE_SECONDS:
                self._give_up(reply, "the reply topic does not exist")
            else:
                still.append(reply)
        with self._lock:
            self._waiting.extendleft(reversed(still))
            return bool(self._waiting)

    def _partitions(self, topic: str, existing: Mapping[str, int]) -> int | None:
        """How many partitions the topic has, once the producer knows it too."""
        if topic not in self._known and topic in existing:
            try:
                self._producer.partitions_for(topic)
            except KafkaError as error:
                log.warning("reply topic not usable", topic=topic, error=repr(error))
                return None
            self._known[topic] = existing[topic]
        return self._known.get(topic)

    def _post(self, reply: Reply, partitions: int) -> None:
        address, message = reply.address, reply.message
        if address.partition is not None and address.partition >= partitions:
            self._give_up(reply, "the reply topic has no such partition")
            return
        arrived = partial(self._arrived, reply)
        if not self._lane.send(address.topic, address.partition, message, arrived):
            self._produce(reply)

    def _wait(self, reply: Reply) -> None:
        with self._lock:
            full = len(self._waiting) >= MAX_WAITING
            if not full:
                self._waiting.append(reply)
        if full:
            self._give_up(reply, "too many replies wait")
        else:
            self._look()

    def _arrived(self, reply: Reply, *, delivered: bool) -> None:
        """What the lane has not delivered waits for the watch: the producer may block."""
        if delivered:
            reply.settled = True
        else:
            self._wait(reply)

    def _produce(self, reply: Reply) -> None:
        address, message = reply.address, reply.message
        try:
            future = self._producer.send(
                address.topic,
                value=message.value,
                key=message.key,
                headers=message.headers,
                partition=address.partition,
            )
        except (KafkaError, ValueError) as error:
            self._give_up(reply, f"not sent: {type(error).__name__}")
            return
        future.add_callback(self._delivered, reply)
        future.add_errback(self._failed, reply)

    @staticmethod
    def _delivered(reply: Reply, _metadata: Any) -> None:  # noqa: ANN401 - kafka-python's
        reply.settled = True

    @staticmethod
    def _failed(reply: Reply, error: BaseException) -> None:
        log.warning("reply not delivered", topic=reply.address.topic, error=repr(error))
        reply.settled = True

    def _give_up(self, reply: Reply, reason: str) -> None:
        """The address leads nowhere: tell the requester elsewhere, if there is such a place."""
        reply.settled = True
        self._lost(reply.method)
        if reply.address.fallback is not None:
            body = answer.error(Refusal(ErrorCode.BAD_REPLY_ADDRESS, reason))
            self.send(replace(reply, address=reply.address.fallback, body=body, settled=False))
