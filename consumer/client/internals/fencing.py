"""Fenced members: ends when another process has our INSTANCE_ID, rejoins when it was ourselves.

Kafka keeps one member for each INSTANCE_ID: a new one that joins under it fences the old one. So a
process is fenced when another runs under its INSTANCE_ID, and must end. But when one coordinator
dies after the other, a member may be forgotten, join as a new one, and lose the response with the
second coordinator. It is then fenced by its own join, and must join again.
"""

from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Any

from kafka.errors import FencedInstanceIdError, GroupAuthorizationFailedError, KafkaError

OWN_SECONDS = 30.0
"""How long after a join of our own a fenced response may be due to it: no request lives longer."""


class Fence:
    """Wraps three methods of a group member's coordinator.

    kafka-python keeps what a heartbeat is answered to itself; here the next poll raises it.

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
        """If Kafka forgot us within OWN_SECONDS, have the next poll join as a new member."""
        if self._clock() - self._forgotten_at > OWN_SECONDS:
            return False
        self._coordinator._async_commit_fenced = False
        self._reset()
        return True

    def _forgotten(self, *member_id: str, **by_name: str) -> None:
        self._forgotten_at = self._clock()
        self._reset(*member_id, **by_name)

    def _heard(self, *answer: object) -> None:
        """Handles a heartbeat's response; notes an error for the next poll to raise."""
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
        """Called by polls and commits; raises if we were fenced, or may not use the group."""
        if self._denied is not None:
            raise self._denied
        if self._coordinator._async_commit_fenced:
            self.joins_anew()
        self._committed()
