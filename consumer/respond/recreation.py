"""Which topic of the requests topic's name is read: it may be recreated while the service runs.

Its offsets then begin again. A forwarded event says by topic id and offset which request it was:
with the old id, requests of the new topic would pass for repeats of the old one's.
"""

import threading

import structlog

from consumer.client import Consumer, watch_topic_id

log = structlog.get_logger()


class Recreation:
    """The topic's id, as the consumer's metadata tells it with each change, and the watch.

    The consumer stumbles over the deletion and asks for metadata before it reads the new topic.
    Should it not, as where it had nothing in flight, the watch is a second late at most.

    Args:
        consumer: Of the topic.
        topic: Its name.
        topic_id: Which topic of that name it was at the start.

    Attributes:
        topic_id: Which it is now.
    """

    def __init__(self, consumer: Consumer, topic: str, topic_id: str) -> None:
        self._topic = topic
        self.topic_id = topic_id
        self._known = {topic_id}
        self._lock = threading.Lock()
        watch_topic_id(consumer, topic, self.saw)

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
