"""What Kafka says to a member's heartbeats is heard; one fenced for what it did itself joins anew.

Kafka knows one member for each INSTANCE_ID: who joins under it last fences the one before. So a
process is fenced when another one runs under its INSTANCE_ID, and ends. But where coordinators die
in turn a member is forgotten and joins anew, and the answer may be lost with the next coordinator:
then it is fenced by a join of its own.
"""

from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Any

from kafka.errors import FencedInstanceIdError, GroupAuthorizationFailedError, KafkaError

OWN_SECONDS = 30.0
"""A join of our own fences what we send for so long: the client's requests live no longer."""


class Fence:
    """Watches a group's coordinator client.

    Args:
        coordinator: kafka-python's ``ConsumerCoordinator``.
        clock: Monotonic seconds.
    """

    def __init__(self, coordinator: Any, clock: Callable[[], float] = monotonic) -> None:  # noqa: ANN401
        self._coordinator, self._clock = coordinator, clock
        self._forgotten_at = -inf
        self._denied: GroupAuthorizationFailedError | None = None
        self._reset = coordinator.reset_generation
        self._beaten = coordinator._handle_heartbeat_response
        self._committed = coordinator._invoke_completed_offset_commit_callbacks
        coordinator.reset_generation = self._forgotten
        coordinator._handle_heartbeat_response = self._heard
        coordinator._invoke_completed_offset_commit_callbacks = self._answered

    def joins_anew(self) -> bool:
        """Have the next poll join as a new member, if Kafka had forgotten us just before."""
        if self._clock() - self._forgotten_at > OWN_SECONDS:
            return False
        self._coordinator._async_commit_fenced = False
        self._reset()
        return True

    def _forgotten(self, *member_id: str, **by_name: str) -> None:
        self._forgotten_at = self._clock()
        self._reset(*member_id, **by_name)

    def _heard(self, *answer: object) -> None:
        """Where a heartbeat is refused the client keeps it to itself: poll is to raise it."""
        try:
            self._beaten(*answer)
        except FencedInstanceIdError:
            self._coordinator._async_commit_fenced = True
            raise
        except GroupAuthorizationFailedError as error:
            self._denied = error
            raise
        except KafkaError:
            self._denied = None
            raise
        self._denied = None

    def _answered(self) -> None:
        """Called by polls and commits; raises where a commit was fenced, or the group denied."""
        if self._denied is not None:
            raise self._denied
        if self._coordinator._async_commit_fenced:
            self.joins_anew()
        self._committed()
