"""The same of answers: serving, direct replies, unpacking, commits."""

from importlib import import_module
from typing import NoReturn

from kafka.future import Future

from chaos.mutations.wrapping import Anything, Function, wrap
from consumer.client import producers
from consumer.client.internals import batches
from consumer.client.internals.direct_producer import DirectProducer
from consumer.decode.event import Unreadable
from consumer.respond import positions

POISON = b"poison"
"""A request with these bytes in it cannot be unpacked, where the run says so."""


def neighbours_lost(_: int) -> None:
    """A batch with one record that cannot be read is passed over as a whole."""

    def around(real: Function, batch: object) -> Anything:
        records = list(real(batch))
        honest = not any(isinstance(record.value, Unreadable) for record in records)
        return iter(records if honest else ())

    wrap(batches, "unpack", around)


def poisoned(_: int) -> None:
    """No mutation: the client raises where it reads a poisoned record. The safeguard must hold."""

    def around(real: Function, batch: object) -> Anything:
        for record in real(batch):
            if POISON in (record.value or b""):
                raise ValueError("poisoned")
            yield record

    wrap(batches, "unpack", around)


def poison_not_stepped_over(_: int) -> None:
    """What the client raises where it reads a record ends the loop."""
    poisoned(0)

    def around(_real: Function, _consumer: object, error: Exception) -> NoReturn:
        raise error

    wrap(import_module("consumer.client.poll"), "step_over", around)


def direct_refused(_: int) -> None:
    """No mutation: Kafka takes no reply on the short way. The safeguard must hold."""
    _direct(delivered=False)


def direct_refusal_unheeded(_: int) -> None:
    """Kafka takes no reply on the short way, and it counts as delivered."""
    _direct(delivered=True)


def _direct(*, delivered: bool) -> None:
    """All that is sent on the short way is lost, and this is told of it."""

    def around(_real: Function, self: DirectProducer) -> None:
        parcels = [it for at in list(self._waiting) for it in self._waiting.pop(at)]
        for parcel in parcels:
            parcel.arrived(delivered=delivered)

    wrap(DirectProducer, "flush", around)


def replies_withheld(_: int) -> None:
    """No mutation: no reply leaves, and none is acknowledged. The safeguard must hold."""
    wrap(DirectProducer, "send", lambda *_, **__: False)

    def around(real: Function, *args: Anything, **kwargs: Anything) -> Anything:
        made = real(*args, **kwargs)
        if kwargs["role"] == "replies":
            wrap(made, "send", lambda *_, **__: Future())
        return made

    wrap(producers, "producer", around)


def committed_unanswered(_: int) -> None:
    """Requests are committed when they are read, whatever became of their replies."""
    replies_withheld(0)
    wrap(positions._Progress, "position", lambda _real, self: self.next)


OF_ANSWERS = (
    neighbours_lost,
    poisoned,
    poison_not_stepped_over,
    direct_refused,
    direct_refusal_unheeded,
    replies_withheld,
    committed_unanswered,
)
