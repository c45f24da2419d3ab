"""Is Kafka there, and which topics are? Asked once a second, and at once when a reply waits."""

import threading
from collections.abc import Callable, Mapping
from time import monotonic

import structlog
from kafka.errors import KafkaError

from consumer.client import Admin
from consumer.health import Health
from consumer.restore import NEW_ID, StateError

INTERVAL_SECONDS = 1.0
URGENT_SECONDS = 0.1

Topics = Mapping[str, int]
"""How many partitions each topic has."""

log = structlog.get_logger()


class Watch:
    """A loop of its own over an admin client.

    Args:
        connect: Makes the admin client.
        health: Where the answer is noted.
        topic: The events topic.
        topic_id: Which topic of that name it was at the start.
    """

    def __init__(
        self, connect: Callable[[], Admin], health: Health, topic: str, topic_id: str
    ) -> None:
        self._connect = connect
        self._health = health
        self._topic = topic
        self._topic_id = topic_id
        self._urgent = threading.Event()
        self._admin: Admin | None = None

    def look_soon(self) -> None:
        """Do not wait for the next second."""
        self._urgent.set()

    def run(self, stop: threading.Event, saw: Callable[[Topics | None, float], bool]) -> None:
        """Ask until told to stop.

        Args:
            stop: Tells it to stop.
            saw: Gets the topics and the monotonic time; answers whether it is urgent.
        """
        try:
            while not stop.is_set():
                self._health.beat("watch", now=monotonic())
                topics = self._ask()
                urgent = saw(topics, monotonic())
                self._urgent.wait(URGENT_SECONDS if urgent else INTERVAL_SECONDS)
                if urgent:
                    stop.wait(URGENT_SECONDS)
                self._urgent.clear()
        finally:
            self._disconnect()

    def _ask(self) -> Topics | None:
        try:
            if self._admin is None:
                self._admin = self._connect()
            topics = self._admin.describe_topics()
        except (KafkaError, OSError) as error:
            if self._health.kafka:
                log.warning("Kafka does not answer", error=repr(error))
            self._health.kafka = False
            self._disconnect()
            return None
        if not self._health.kafka:
            log.info("Kafka answers")
        self._health.kafka = True
        ids = {topic["name"]: topic["topic_id"] for topic in topics}
        if ids.get(self._topic, self._topic_id) != self._topic_id:
            raise StateError(f"topic {self._topic} was recreated while it was read. {NEW_ID}")
        return {topic["name"]: len(topic["partitions"]) for topic in topics}

    def _disconnect(self) -> None:
        if self._admin is not None:
            self._admin.close()
            self._admin = None
