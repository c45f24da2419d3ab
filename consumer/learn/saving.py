"""When the learner saves: in rounds, a slice in each turn; and at once what others wait for."""

import math
from collections import deque
from time import monotonic

from consumer.context import Context
from consumer.learn.demand import Demand
from consumer.learn.outbox import SETTLE_SECONDS, Outboxes
from consumer.learn.owned import OwnedPartitions
from consumer.state import Changelog

SLICE_SECONDS = 0.01
"""How long one turn may save, so that neither answers nor events wait for many partitions."""


class Saving:
    """Saves what moved: regressions in each round, histories when they are worth it.

    Args:
        context: What all loops share.
        owned: Our partitions.
        outboxes: A position counts once what is sent on up to it is delivered.
        changelog: Where to.
        demand: What other instances want to be saved now.
    """

    def __init__(
        self,
        context: Context,
        owned: OwnedPartitions,
        outboxes: Outboxes,
        changelog: Changelog,
        demand: Demand,
    ) -> None:
        self._settings = context.settings
        self._owned = owned
        self._outboxes = outboxes
        self._changelog = changelog
        self._demand = demand
        self._began = monotonic()
        self._regressions = deque[int]()
        self._histories = deque[int]()

    @property
    def is_under_way(self) -> bool:
        """Whether there is something left of the round."""
        return bool(self._regressions or self._histories)

    def turn(self) -> bool:
        """Save for SLICE_SECONDS at most, if a round is due or under way; whether one began."""
        now = monotonic()
        due = now - self._began >= self._settings.checkpoint_interval_ms / 1000
        begins = due and not self.is_under_way
        if begins:
            self._begin(self._settings.max_reread_events)
        if self.is_under_way:
            self._save(now + SLICE_SECONDS)
        self._changelog.send_ids(self._owned)
        self._save_on_demand()
        return begins

    def all(self) -> None:
        """Save everything, histories too: nothing is to be read again."""
        self._begin(most_reread=0)
        self._save(math.inf)

    def _save_on_demand(self) -> None:
        """Save the regressions that other instances' askers wait for."""
        met = list(self._demand.met(self._owned))
        if not met or not self._outboxes.settle(SETTLE_SECONDS):
            return
        for number, partition in met:
            reason = "a snapshot on demand"
            sent = self._changelog.send(number, partition)
            if sent or not self._changelog.due(number, partition, reason):
                self._demand.done(number, partition.position)

    def _begin(self, most_reread: int) -> None:
        self._began = monotonic()
        self._regressions.extend(number for number, _ in self._owned)
        self._histories.extend(self._changelog.histories_worth_saving(self._owned, most_reread))

    def _save(self, deadline: float) -> None:
        """Save until the deadline; nothing of the round if what is sent on is not."""
        if not self._outboxes.settle(SETTLE_SECONDS):
            for number, partition in self._owned:
                self._changelog.due(
                    number, partition, "its dead letters or predictions are not acknowledged"
                )
            self._regressions.clear()
            self._histories.clear()
            return
        with self._changelog.together():
            self._save_until(deadline)

    def _save_until(self, deadline: float) -> None:
        for left, send in (
            (self._regressions, self._changelog.send),
            (self._histories, self._changelog.send_history),
        ):
            while left:
                number = left.popleft()
                if number in self._owned:
                    send(number, self._owned[number])
                if monotonic() > deadline:
                    return
