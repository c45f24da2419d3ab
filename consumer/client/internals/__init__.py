"""The private parts of kafka-python 3.0.12 that only the service needs, and nothing else.

No module outside this package and ``contract.internals`` (what the producer needs as well) imports
a private module of kafka-python or reads a private attribute of it. ``parts`` lists each one, with
its signature; ``check_kafka_python`` checks them at the service's start. docs/adr/0001-one-wall.md
says which test shows on a real broker that a part does what we use it for.

May import ``client.protocols``, ``client.options``, ``settings``, ``decode`` and ``contract``.
"""

from consumer.client.internals.parts import PARTS
from contract.internals import parts
from contract.internals.connections import TopicCreationError

UnknownClientError = parts.UnknownClientError
__all__ = ["TopicCreationError", "UnknownClientError", "check_kafka_python"]


def check_kafka_python() -> None:
    """Refuse a kafka-python that is not the version we know, or lacks a private part that we use.

    Raises:
        UnknownClientError: Names every fault.
    """
    parts.check({**parts.PARTS, **PARTS})
