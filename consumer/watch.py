"""Is Kafka there, and which topics are? Asked once a second, and at once when a reply waits."""

import threading
from collections.abc import Callable
from time import monotonic

import structlog
from kafka.errors import KafkaError

from consumer.client import Admin
from consumer.health import Health

INTERVAL_SECONDS = 1.0
URGENT_SECONDS = 0.1

log = structlog.get_logger()


class Watch:
    """A loop of its own over an admin client.

    Args:
        connect: Makes the admin client.
        health: Where the answer is noted.
    """

    def __init__(self, connect: Callable[[], Admin], health: Health) -> None:
        self._connect = connect
        self._health = health
        self._urgent = threading.Event()
        self._admin: Admin | None = None

    def look_soon(self) -> None:
        """Do not wait for the next second."""
        self._urgent.set()

    def run(self, stop: threading.Event, saw: Callable[[set[str], float], bool]) -> None:
        """Ask until told to stop.

        Args:
            stop: Tells it to stop.
            saw: Gets the topics' names and the monotonic time; answers whether it is urgent.
        """
        try:
            while not stop.is_set():
                self._health.beat("watch", now=monotonic())
                topics = self._ask()
                urgent = saw(topics if topics is not None else set(), monotonic())
                self._urgent.wait(URGENT_SECONDS if urgent else INTERVAL_SECONDS)
                if urgent:
                    stop.wait(URGENT_SECONDS)
                self._urgent.clear()
        finally:
            self._disconnect()

    def _ask(self) -> set[str] | None:
        try:
            if self._admin is None:
                self._admin = self._connect()
            topics = set(self._admin.list_topics())
        except (KafkaError, OSError) as error:
            if self._health.kafka:
                log.warning("Kafka does not answer", error=repr(error))
            self._health.kafka = False
            self._disconnect()
            return None
        if not self._health.kafka:
            log.info("Kafka answers")
        self._health.kafka = True
        return topics

    def _disconnect(self) -> None:
        if self._admin is not None:
            self._admin.close()
            self._admin = None
