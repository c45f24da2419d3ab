"""How many brokers are to have each record."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.client.topics.replication import Replication, of_replicas
from consumer.settings import Settings

LEAST = st.none() | st.integers(1, 5)


@pytest.mark.parametrize(
    ("brokers", "factor", "min_insync", "chosen"),
    [
        (1, None, None, (1, 1)),
        (2, None, None, (2, 1)),
        (3, None, None, (3, 2)),
        (9, None, None, (3, 2)),
        (9, 5, None, (5, 4)),
        (3, 1, None, (1, 1)),
        (3, 3, 1, (3, 1)),
        (5, None, 4, (4, 4)),
        (1, None, 2, (2, 2)),  # Kafka refuses it until there are two
    ],
)
def test_one_broker_may_be_away_unless_it_is_said_otherwise(
    brokers: int, factor: int | None, min_insync: int | None, chosen: tuple[int, int]
) -> None:
    settings = Settings(replication_factor=factor, min_insync_replicas=min_insync)
    assert Replication.of(settings, brokers) == Replication(*chosen)


@given(st.integers(1, 20), LEAST, LEAST)
def test_a_topic_that_we_make_can_always_be_written_to(
    brokers: int, factor: int | None, min_insync: int | None
) -> None:
    if factor is None or min_insync is None or min_insync <= factor:
        made = Replication.chosen(brokers, factor, min_insync)
        assert 1 <= made.min_insync <= made.factor


def found(replicas: Sequence[int], min_insync: int | None, brokers: int = 3) -> list[str]:
    partitions = [{"replica_nodes": list(range(count))} for count in replicas]
    return [setting for setting, _ in of_replicas(partitions, min_insync, brokers)]


def test_what_one_broker_may_take_with_it_is_told() -> None:
    assert found([3, 1, 3], 1) == ["replication.factor=1"]
    assert found([1], None) == ["replication.factor=1"]
    assert found([3, 3], 1) == ["min.insync.replicas=1"]
    assert found([2, 3], 2) == ["min.insync.replicas=2"]
    assert found([3, 3], 2) == []
    assert found([3, 3], None) == []  # not shown to us
    assert found([1], 1, brokers=1) == []
    assert found([], None) == []  # not there yet
