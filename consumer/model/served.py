"""The model as it is now, between the loops that learn and follow and those that answer."""

import threading

from consumer.model.merged import Model
from consumer.model.partition import PartitionView
from consumer.model.spec import ModelSpec


class Served:
    """What is answered from.

    The views are frozen and the model is swapped as a whole, so nobody holds a lock while an event
    is learned or a request answered. What we own stands before what we follow.
    """

    def __init__(self, spec: ModelSpec) -> None:
        self.model = Model(spec, {})
        self._owned: dict[int, PartitionView] = {}
        self._followed: dict[int, PartitionView] = {}
        self._swap = threading.Lock()

    def own(self, partition: int, view: PartitionView) -> None:
        """Serve a partition of ours as it is now."""
        with self._swap:
            self._owned[partition] = view
            self._renew()

    def release(self, partition: int) -> None:
        """The partition is not ours any more: serve what is followed of it."""
        with self._swap:
            self._owned.pop(partition, None)
            self._renew()

    def follow(self, partition: int, view: PartitionView) -> None:
        """Serve another's partition as its last snapshot has it."""
        with self._swap:
            self._followed[partition] = view
            if partition not in self._owned:
                self._renew()

    def followed(self) -> dict[int, int]:
        """The position of each partition that is another's."""
        with self._swap:
            return {
                number: view.position
                for number, view in self._followed.items()
                if number not in self._owned
            }

    def _renew(self) -> None:
        self.model = Model(self.model.spec, {**self._followed, **self._owned})
