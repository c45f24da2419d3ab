"""Which topic of the requests topic's name is read: it may be recreated while the service runs.

Its offsets then begin again. A forwarded event says by topic id and offset which request it was:
with the old id, requests of the new topic would pass for repeats of the old one's.
"""

import threading
from typing import Any

import structlog
from kafka.consumer.subscription_state import OffsetResetStrategy

from consumer.client import Consumer

log = structlog.get_logger()


class Recreation:
    """The topic's id as the consumer's metadata or the watch last told it.

    Args:
        consumer: Of the topic.
        topic: Its name.
        topic_id: Which topic of that name it was at the start.

    Attributes:
        topic_id: Which it is now.
    """

    def __init__(self, consumer: Consumer, topic: str, topic_id: str) -> None:
        self._inside: Any = consumer
        self._topic = topic
        self.topic_id = topic_id
        self._known = {topic_id}
        self._lock = threading.Lock()
        self._read_id = topic_id
        self._gone = False
        cluster: Any = getattr(consumer, "_cluster")  # noqa: B009
        cluster.add_listener(self._heard)

    def saw(self, topic_id: str) -> None:
        """Take note of the topic's id; may be called by any thread.

        An id that was left is not returned to: a broker that lags behind may still tell it.
        """
        with self._lock:
            if topic_id in self._known:
                return
            self._known.add(topic_id)
            self.topic_id = topic_id
        log.warning("the requests topic was recreated", topic=self._topic, topic_id=topic_id)

    def _heard(self, cluster: Any) -> None:  # noqa: ANN401 - kafka-python's
        """Called with new metadata, in the client's I/O thread.

        The new topic is read from its beginning: what it holds was asked while we were running.
        But only where the topic was seen to be gone: else some of it may be answered already.
        """
        if not cluster.partitions_for_topic(self._topic):
            self._gone = True
            return
        found = str(cluster.topic_id(self._topic))
        if found != self._read_id:
            self._read_id = found
            self.saw(found)
            if self._gone:
                self._begin()
        self._gone = False

    def _begin(self) -> None:
        subscription = self._inside._subscription  # noqa: SLF001
        subscription._default_offset_reset_strategy = OffsetResetStrategy.EARLIEST  # noqa: SLF001
        for partition in subscription.assigned_partitions():
            self._inside.seek(partition, 0)
