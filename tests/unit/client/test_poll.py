"""What passes by itself is waited for; what does not ends the loop; a join is never forgotten."""

from types import SimpleNamespace
from typing import Any

import pytest
from kafka.errors import (
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    NodeNotReadyError,
    NoOffsetForPartitionError,
)

from consumer.client.poll import poll


class BareClient:
    """A client whose poll fails, or has nothing; its group may be joining.

    Args:
        fault: What its poll raises.
        rejoining: Whether a poll has begun to join and not taken the result.
    """

    def __init__(self, fault: Exception | None = None, *, rejoining: bool = False) -> None:
        self.fault = fault
        self.wanted = 0
        self._coordinator = SimpleNamespace(rejoining=rejoining, request_rejoin=self._want)

    def _want(self) -> None:
        self.wanted += 1

    def poll(self, timeout_ms: int) -> dict[Any, Any]:
        assert timeout_ms == 1
        if self.fault is not None:
            raise self.fault
        return {}


def polled(client: Any) -> object:  # noqa: ANN401 - a part of a client is enough
    return poll(client, 1)


@pytest.mark.parametrize(
    "fault", [KafkaConnectionError("refused"), NodeNotReadyError(), NoOffsetForPartitionError()]
)
def test_a_broker_that_is_away_is_waited_for(fault: KafkaError) -> None:
    assert polled(BareClient(fault)) == {}


def test_what_does_not_pass_by_itself_is_raised() -> None:
    with pytest.raises(GroupAuthorizationFailedError):
        polled(BareClient(GroupAuthorizationFailedError()))


@pytest.mark.parametrize("fault", [None, KafkaConnectionError("refused")])
@pytest.mark.parametrize("rejoining", [False, True])
def test_a_join_under_way_stays_wanted_whatever_became_of_the_poll(
    fault: Exception | None,
    rejoining: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    client = BareClient(fault, rejoining=rejoining)
    polled(client)
    assert client.wanted == rejoining
