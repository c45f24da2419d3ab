"""The connections to Kafka: what kafka-python is asked to do, and with which options.

May know the settings and where faults are told; nothing of models, events or answers. What touches
kafka-python's private parts is in ``internals``, which no other room may import.
"""

from consumer.client.clients import Clients, cover, open_clients
from consumer.client.connections import MAX_POLL_RECORDS, group_id
from consumer.client.door import Door
from consumer.client.internals.direct_producer import DirectProducer
from consumer.client.internals.group import joined, read_what_is_new, rejoin
from consumer.client.internals.metadata import leader_of
from consumer.client.internals.serve import Batches
from consumer.client.internals.skip import SkippedRecord
from consumer.client.permissions import ABOUT_START, NotAllowedError, Permissions, forbidden
from consumer.client.poll import poll, serve
from consumer.client.precedence import Precedence
from consumer.client.producers import introduce
from consumer.client.protocols import NO_LEADER, Admin, Consumer, Future, Producer
from consumer.client.topics.creation import TopicError

__all__ = [
    "ABOUT_START",
    "MAX_POLL_RECORDS",
    "NO_LEADER",
    "Admin",
    "Batches",
    "Clients",
    "Consumer",
    "DirectProducer",
    "Door",
    "Future",
    "NotAllowedError",
    "Permissions",
    "Precedence",
    "Producer",
    "SkippedRecord",
    "TopicError",
    "cover",
    "forbidden",
    "group_id",
    "introduce",
    "joined",
    "leader_of",
    "open_clients",
    "poll",
    "read_what_is_new",
    "rejoin",
    "serve",
]
