"""What the group decides about our partitions: noted here, acted on in the learner's loop."""

import threading
from collections.abc import Iterable

from kafka import ConsumerRebalanceListener, TopicPartition


class Assignment(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
    """Notes and does nothing: the callbacks run on the client's I/O thread, the heartbeats' too."""

    def __init__(self) -> None:
        self._lost: set[int] = set()
        self._lock = threading.Lock()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """The loop sees them in ``consumer.assignment()``."""

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """A partition taken away and given back between two polls must be restored all the same."""
        with self._lock:
            self._lost.update(tp.partition for tp in revoked)

    def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        """As if revoked: there is nothing to hand over that the log does not hold."""
        self.on_partitions_revoked(lost)

    def take_lost(self) -> set[int]:
        """The partitions taken away since the last call."""
        with self._lock:
            lost, self._lost = self._lost, set()
        return lost
