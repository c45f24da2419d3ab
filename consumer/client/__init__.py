"""The clients of Kafka: their options, and what corrects or speeds up kafka-python.

May import the settings, and ``telemetry`` to report faults; nothing of models, events or answers.
What touches kafka-python's private parts is in ``internals``, which no other package may import.
"""

from consumer.client.clients import Clients, cover, open_clients
from consumer.client.connections import MAX_POLL_RECORDS, group_id
from consumer.client.door import Door
from consumer.client.fast_path import ClientPath, client_path
from consumer.client.internals import TopicCreationError, check_kafka_python
from consumer.client.internals.group import joined, read_what_is_new, rejoin
from consumer.client.internals.metadata import leader_of, watch_topic_id
from consumer.client.internals.serve import Batches
from consumer.client.permissions import ABOUT_START, NotAllowedError, Permissions, forbidden
from consumer.client.poll import poll, serve
from consumer.client.precedence import Precedence
from consumer.client.producers import introduce
from consumer.client.protocols import NO_LEADER, Admin, Arrived, Consumer, Direct, Future, Producer
from consumer.client.topics.creation import TopicError

__all__ = [
    "ABOUT_START",
    "MAX_POLL_RECORDS",
    "NO_LEADER",
    "Admin",
    "Arrived",
    "Batches",
    "ClientPath",
    "Clients",
    "Consumer",
    "Direct",
    "Door",
    "Future",
    "NotAllowedError",
    "Permissions",
    "Precedence",
    "Producer",
    "TopicCreationError",
    "TopicError",
    "check_kafka_python",
    "client_path",
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
    "watch_topic_id",
]
