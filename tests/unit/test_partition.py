"""The fold of a partition's log: what counts, what is passed over, what asks for an answer."""

import orjson
import pytest

from consumer.bayesian import Posterior
from consumer.partition import Partition
from contract.messages import Outcome
from unit.records import Record, bits, event, recipe

ROWS = [(float(i), float(i % 7), float(i % 3), 2.0 * i + i % 5) for i in range(200)]


def of_request(offset: int, request: str, row: tuple[float, ...]) -> Record:
    """An event that came as a request."""
    headers = [("reply_to", b"replies"), ("riverline.request", request.encode())]
    return Record(offset, event(row), headers=headers)


def test_an_event_forwarded_again_after_a_crash_counts_once_and_is_acknowledged_again() -> None:
    partition = Partition(recipe())
    requests = [5, 6, 5, 6, 7, 6, 7, 8]
    records = [of_request(i, f"id-0:{n}", ROWS[n]) for i, n in enumerate(requests)]
    tally = partition.fold(records)
    assert tally.learned == partition.counts[Outcome.LEARNED] == 4
    assert len(tally.asking) == len(requests)
    assert partition.position == len(requests)


def test_requests_of_other_partitions_and_other_topics_are_other_requests() -> None:
    partition = Partition(recipe())
    names = ["id-0:5", "id-1:5", "other-0:5", "id-0:5"]
    records = [of_request(i, name, ROWS[i]) for i, name in enumerate(names)]
    assert partition.fold(records).learned == 3


def test_a_restored_partition_still_knows_which_requests_it_has_folded() -> None:
    partition = Partition(recipe())
    partition.fold([of_request(0, "id-0:5", ROWS[0])])
    state = orjson.loads(orjson.dumps(partition.to_state()))
    restored = Partition.from_state(recipe(), state, partition.statistics.sketches())
    assert restored.fold([of_request(1, "id-0:5", ROWS[0])]).learned == 0
    assert restored.fold([of_request(2, "id-0:6", ROWS[1])]).learned == 1


@pytest.mark.parametrize("request_header", ["", ":", "id-0:", "id-0:x", "id-0:-1", ":7", "9" * 99])
def test_a_header_that_names_no_request_is_no_reason_to_pass_an_event_over(
    request_header: str,
) -> None:
    partition = Partition(recipe())
    records = [of_request(i, request_header, ROWS[i]) for i in range(3)]
    assert partition.fold(records).learned == 3


def test_records_before_the_position_are_passed_over() -> None:
    once, twice = Partition(recipe()), Partition(recipe())
    records = [Record(i, event(row)) for i, row in enumerate(ROWS)]
    once.fold(records)
    twice.fold(records[:150])
    assert twice.fold(records[100:]).learned == 50
    assert bits(twice) == bits(once)


def test_what_is_looked_at_between_blocks_has_learned_every_event() -> None:
    partition = Partition(recipe())
    partition.fold([Record(i, event(row)) for i, row in enumerate(ROWS[:100])])
    view = partition.view()
    assert view.statistics.n == 100
    assert view.errors.n == 100 - recipe().enough
    assert isinstance(view.estimate, Posterior)
    assert view.estimate.precision[0, 0] == pytest.approx(100)


def test_a_look_changes_nothing() -> None:
    looked, left = Partition(recipe()), Partition(recipe())
    for i, row in enumerate(ROWS):
        looked.fold([Record(i, event(row))])
        looked.view()
        left.fold([Record(i, event(row))])
    assert bits(looked) == bits(left)
