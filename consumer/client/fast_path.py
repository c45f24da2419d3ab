"""FAST_PATH: whether clients take short cuts through kafka-python's private parts.

A path has everything that makes the service faster and nothing that makes it correct: what guards
against kafka-python's faults and against hostile records is in place on both. So both give the
same answers, and the choice is made here, once. What each part of the fast path buys is measured
in docs/adr/0002-fast-path.md.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Protocol

from consumer.client.internals.direct_producer import DirectProducer
from consumer.client.internals.group import spare_a_turn
from consumer.client.internals.serve import Batches, take_where_they_arrive
from consumer.client.internals.sockets import FastNetClient, Selector, one_wakeup
from consumer.client.precedence import Precedence, PrecedingSelector
from consumer.client.protocols import Arrived, Consumer, Direct, Producer
from consumer.decode.dialects import Message
from consumer.settings import Settings

Options = dict[str, object]
"""kafka-python's options for a client."""


class ClientPath(Protocol):
    """What FAST_PATH decides."""

    def options(self) -> Options:
        """Options of every client."""

    def options_of_requests(self, precedence: Precedence) -> Options:
        """Options of the requests' consumer, beside those of every client."""

    def prepare(self, member: Consumer) -> None:
        """Called with each new member of a group."""

    def take(
        self,
        consumer: Consumer,
        take: Callable[[Batches], None],
        until: float,
        look: Callable[[], float],
    ) -> bool:
        """Take records in the consumer's I/O thread; see ``take_where_they_arrive``."""

    def direct(self, requests: Consumer, settings: Settings) -> Direct:
        """A way for replies beside the producer."""

    def together(self, producer: Producer) -> AbstractContextManager[None]:
        """While many records are sent by one thread."""


class FastPath:
    """Short cuts through kafka-python's private parts."""

    def options(self) -> Options:
        """Our sockets and our selector."""
        return {"kafka_client": FastNetClient, "selector": Selector}

    def options_of_requests(self, precedence: Precedence) -> Options:
        """A selector that makes the learner wait for answers."""
        return {"selector": partial(PrecedingSelector, precedence)}

    def prepare(self, member: Consumer) -> None:
        """Spare each poll a turn of the I/O thread."""
        spare_a_turn(member)

    def take(
        self,
        consumer: Consumer,
        take: Callable[[Batches], None],
        until: float,
        look: Callable[[], float],
    ) -> bool:
        """Take records in the I/O thread, until then or until the group wants a poll."""
        return take_where_they_arrive(consumer, take, until, look)

    def direct(self, requests: Consumer, settings: Settings) -> Direct:
        """A producer in the I/O thread of the requests' consumer."""
        return DirectProducer(requests, settings)

    def together(self, producer: Producer) -> AbstractContextManager[None]:
        """Wake the producer's I/O thread once for all of them."""
        return one_wakeup(producer)


class PublicPath:
    """kafka-python's public API: records by ``poll``, replies by ``KafkaProducer``."""

    def options(self) -> Options:
        """None."""
        return {}

    def options_of_requests(self, _precedence: Precedence) -> Options:
        """None: the learner waits for nobody."""
        return {}

    def prepare(self, _member: Consumer) -> None:
        """Nothing to do."""

    def take(self, *_: object) -> bool:
        """Take nothing: the next poll does."""
        return False

    def direct(self, *_: object) -> Direct:
        """One that refuses every reply, so that the producer sends it."""
        return _NoDirect()

    def together(self, _producer: Producer) -> AbstractContextManager[None]:
        """Nothing to do."""
        return nullcontext()


class _NoDirect:
    def send(self, topic: str, partition: int | None, message: Message, arrived: Arrived) -> bool:
        del topic, partition, message, arrived
        return False

    def flush(self) -> None: ...

    def close(self) -> None: ...


def client_path(settings: Settings) -> ClientPath:
    """The path that FAST_PATH names."""
    return FastPath() if settings.fast_path else PublicPath()
