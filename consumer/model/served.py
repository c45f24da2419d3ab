"""The current model, shared between the learner, the follower and the responder."""

import threading
from collections.abc import Mapping

from consumer.model.merged import Model
from consumer.model.spec import ModelSpec
from consumer.model.view import PartitionView


class Served:
    """The model that requests are answered from; thread-safe.

    The views are frozen and a model never changes, so no lock is held while an event is learned or
    a request answered. Owned partitions take precedence over followed ones.
    """

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec
        self._model: Model | None = None
        self._owned: dict[int, PartitionView] = {}
        self._followed: dict[int, PartitionView] = {}
        self._asked = False
        self._swap = threading.Lock()

    @property
    def model(self) -> Model:
        """The sum of all partitions now; the same object until one of them changes."""
        with self._swap:
            if self._model is None:
                self._model = Model(self._spec, {**self._followed, **self._owned})
            return self._model

    def to_answer(self) -> Model:
        """The model, for an answer: the next one is summed before it is served."""
        self._asked = True
        return self.model

    def own(self, views: Mapping[int, PartitionView]) -> None:
        """Serve these views of our own partitions, all of them at once.

        If there was a question since the last time, the new model is summed before it is served:
        with many partitions no answer waits for that. One thread may call this.
        """
        with self._swap:
            asked, self._asked = self._asked, False
            followed = self._followed.copy()
            model = Model(self._spec, {**followed, **self._owned, **views})
        if asked:
            model.prepare()
        with self._swap:
            self._owned.update(views)
            self._model = model if self._followed == followed else None

    def ours(self) -> set[int]:
        """The partitions that are served as our own."""
        with self._swap:
            return set(self._owned)

    def owned(self, partition: int) -> PartitionView:
        """The view of one of our own partitions that is served now."""
        with self._swap:
            return self._owned[partition]

    def release(self, partition: int) -> None:
        """Stop owning a partition: serve its followed view from now on."""
        with self._swap:
            self._owned.pop(partition, None)
            self._model = None

    def follow(self, partition: int, view: PartitionView) -> None:
        """Serve this view, from a snapshot, while the partition is not ours."""
        with self._swap:
            self._followed[partition] = view
            if partition not in self._owned:
                self._model = None

    def followed(self) -> dict[int, int]:
        """The positions of the partitions served from snapshots."""
        with self._swap:
            return {
                number: view.position
                for number, view in self._followed.items()
                if number not in self._owned
            }
