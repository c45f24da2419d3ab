"""The fold of a partition's log: what counts, what is passed over, what asks for an answer."""

import orjson
import pytest

from consumer.model.estimators.posterior import Posterior
from consumer.model.partition import Partition
from consumer.model.repeats import REMEMBERED
from contract.messages import Outcome
from unit.records import Record, bits, event, restored, spec

ROWS = [(float(i), float(i % 7), float(i % 3), 2.0 * i + i % 5) for i in range(200)]


def of_request(offset: int, request: str, row: tuple[float, ...], asker: bytes = b"7") -> Record:
    """An event that came as a request."""
    headers = [
        ("correlation_id", asker),
        ("reply_to", b"replies"),
        ("riverline.request", request.encode()),
    ]
    return Record(offset, event(row), headers=headers)


def test_an_event_forwarded_again_after_a_crash_counts_once_and_is_acknowledged_again() -> None:
    partition = Partition(spec())
    requests = [5, 6, 5, 6, 7, 6, 7, 8]
    records = [of_request(i, f"id-0:{n}", ROWS[n]) for i, n in enumerate(requests)]
    tally = partition.fold(records)
    assert tally.learned == partition.counts[Outcome.LEARNED] == 4
    assert len(tally.asking) == len(requests)
    assert partition.position == len(requests)


def test_requests_of_other_places_and_other_askers_are_other_requests() -> None:
    partition = Partition(spec())
    names = ["id-0:5:17", "id-1:5:17", "other-0:5:17", "id-0:5:18", "id-0:5:17"]
    records = [of_request(i, name, ROWS[0]) for i, name in enumerate(names)]
    assert partition.fold(records).learned == 4
    assert partition.fold([of_request(9, names[0], ROWS[0], asker=b"8")]).learned == 1


def test_a_restored_partition_still_knows_which_requests_it_has_folded() -> None:
    partition = Partition(spec())
    partition.fold([of_request(0, "id-0:5", ROWS[0])])
    again = restored(partition)
    assert again.fold([of_request(1, "id-0:5", ROWS[0])]).learned == 0
    assert again.fold([of_request(2, "id-0:6", ROWS[1])]).learned == 1


@pytest.mark.parametrize(
    "forged", ["", ":", "id-0:", "id-0:6", "id-0:9223372036854775807", "x" * 100_000]
)
def test_a_forged_header_makes_nobody_elses_event_pass_for_a_repeat(forged: str) -> None:
    partition = Partition(spec())
    forgeries = [of_request(i, forged, ROWS[i], asker=b"forger") for i in range(8)]
    honest = [of_request(8 + i, f"id-0:{i}", ROWS[i]) for i in range(8)]
    assert partition.fold([*forgeries, *honest]).learned == 16
    assert partition.fold(honest).learned == 0


def test_what_is_kept_of_requests_is_bounded_whatever_they_say() -> None:
    partition = Partition(spec())
    for i in range(3 * REMEMBERED):
        partition.fold([of_request(i, f"{i}" * 10, ROWS[0])])
    assert partition.counts[Outcome.LEARNED] == 3 * REMEMBERED
    assert len(orjson.dumps(partition.to_state()["forwarded"])) < 20 * REMEMBERED
    last, forgotten = 3 * REMEMBERED, 2 * REMEMBERED - 1
    again = [of_request(last, f"{last - 1}" * 10, ROWS[0])]
    assert partition.fold(again).learned == 0
    assert partition.fold([of_request(last + 1, f"{forgotten}" * 10, ROWS[0])]).learned == 1


def test_records_before_the_position_are_passed_over() -> None:
    once, twice = Partition(spec()), Partition(spec())
    records = [Record(i, event(row)) for i, row in enumerate(ROWS)]
    once.fold(records)
    twice.fold(records[:150])
    assert twice.fold(records[100:]).learned == 50
    assert bits(twice) == bits(once)


def test_what_is_looked_at_between_blocks_has_learned_every_event() -> None:
    partition = Partition(spec())
    partition.fold([Record(i, event(row)) for i, row in enumerate(ROWS[:100])])
    view = partition.view()
    assert view.statistics.n == 100
    assert view.errors.errors.n == 100 - len(spec().terms) - 1
    assert isinstance(view.estimate, Posterior)
    assert (view.estimate.rows[:, 0] ** 2).sum() == pytest.approx(100)


def test_a_look_changes_nothing() -> None:
    looked, left = Partition(spec()), Partition(spec())
    for i, row in enumerate(ROWS):
        looked.fold([Record(i, event(row))])
        looked.view()
        left.fold([Record(i, event(row))])
    assert bits(looked) == bits(left)
