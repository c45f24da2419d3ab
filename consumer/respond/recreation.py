"""The id of the requests topic, which may be deleted and recreated while the service runs.

Its offsets then start again at 0. A forwarded event names its request by topic id and offset: with
the old id, requests of the new topic would be taken for repeats of the old topic's.
"""

import threading

import structlog

from consumer.client import Consumer, watch_topic_id

log = structlog.get_logger()


class Recreation:
    """Follows the topic's id, from the consumer's metadata and from the watch.

    The consumer's fetches fail when the topic is deleted, so it requests metadata before it reads
    the new topic. If it had no fetch in flight, the watch reports the new id within a second.

    Args:
        consumer: Of the topic.
        topic: Its name.
        topic_id: Its id at the start.

    Attributes:
        topic_id: Its id now.
    """

    def __init__(self, consumer: Consumer, topic: str, topic_id: str) -> None:
        self._topic = topic
        self.topic_id = topic_id
        self._known = {topic_id}
        self._lock = threading.Lock()
        watch_topic_id(consumer, topic, self.saw)

    def saw(self, topic_id: str) -> None:
        """Note the topic's id; callable from any thread.

        Ids of former topics are ignored: a broker that lags behind may still report one.
        """
        with self._lock:
            if topic_id in self._known:
                return
            self._known.add(topic_id)
            self.topic_id = topic_id
        log.warning("the requests topic was recreated", topic=self._topic, topic_id=topic_id)
