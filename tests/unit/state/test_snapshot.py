"""A state as an open document: what is written is read back, and nothing else is."""

import json
import re
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from consumer.model.estimators.bayesian import Bayesian
from consumer.model.partition import Partition
from consumer.state import snapshot
from consumer.state.snapshot import DamagedError, ForeignError
from contract.schemas import load_schema
from unit.records import Record, event, spec

ROWS = [(float(i), i * i % 7.0, i % 3.0, 3.0 + 0.5 * i + i % 2) for i in range(700)]
TOPIC_ID = "731a93a8-13c2-4484-86b9-2853c5457111"
LEARNERS = ["bayesian", "sgd"]
COUNTS = [0, 1, 4, 64, 100, 700]

validator = Draft202012Validator(load_schema("snapshot"))


def learned(count: int, learner: str = "bayesian") -> Partition:
    """A partition after so many labelled events, one without a target and one refused."""
    partition = Partition(spec(learner=learner))
    values = [b'{"tv": 1, "radio": 2, "newspaper": 3}', b"x", *map(event, ROWS[:count])]
    partition.fold(Record(i, value, timestamp=1000 + i) for i, value in enumerate(values))
    return partition


def written(partition: Partition, number: int = 0) -> bytes:
    taken = snapshot.take(partition, number, TOPIC_ID)
    return snapshot.write(taken, {"Intercept": 1.5, "tv": -2.0})


def read(value: bytes | None) -> snapshot.Snapshot:
    return snapshot.read(value, 0, spec())


def rewritten(value: bytes, **changes: Any) -> bytes:  # noqa: ANN401 - JSON
    """Another state, and the hash that belongs to it."""
    document = orjson.loads(value)
    document["state"] |= changes
    document["sha256"] = snapshot.digest(document["state"])
    return orjson.dumps(document)


VALUE = written(learned(4))


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("count", COUNTS)
def test_what_is_written_is_read_back_to_the_bit(count: int, learner: str) -> None:
    partition = learned(count, learner)
    taken = snapshot.take(partition, 5, TOPIC_ID)
    found = snapshot.read(snapshot.write(taken, {}), 5, spec(learner=learner))
    assert orjson.dumps(found.state) == orjson.dumps(taken.state)
    assert (found.sha256, found.sketches) == (taken.sha256, taken.sketches)
    assert (found.position, found.topic_id) == (count + 2, TOPIC_ID)
    restored = found.restore(spec(learner=learner))
    assert snapshot.take(restored, 5, TOPIC_ID).sha256 == taken.sha256
    assert restored.counts == partition.counts
    assert restored.statistics.sketches() == partition.statistics.sketches()


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("count", COUNTS)
def test_real_snapshots_validate(count: int, learner: str) -> None:
    document = orjson.loads(written(learned(count, learner)))
    assert [error.message for error in validator.iter_errors(document)] == []


@pytest.mark.parametrize("name", sorted(orjson.loads(VALUE)))
def test_a_document_without_one_of_its_members_does_not_validate(name: str) -> None:
    document = orjson.loads(VALUE)
    del document[name]
    assert not validator.is_valid(document)


@pytest.mark.parametrize("name", sorted(orjson.loads(VALUE)["state"]))
def test_a_state_without_one_of_its_members_neither_validates_nor_is_taken_up(name: str) -> None:
    document = orjson.loads(VALUE)
    del document["state"][name]
    document["sha256"] = snapshot.digest(document["state"])
    assert not validator.is_valid(document)
    with pytest.raises(DamagedError):
        read(orjson.dumps(document)).restore(spec())


def test_members_that_are_not_known_and_another_order_are_passed_over() -> None:
    document = json.loads(VALUE)
    document["from"] = "the future"
    document["state"] = dict(reversed(document["state"].items()))
    assert read(json.dumps(document, indent=1).encode()) == read(VALUE)


def test_equal_states_have_equal_hashes_and_others_have_others() -> None:
    hashes = {
        snapshot.take(partition, number, topic_id).sha256
        for partition in (learned(4), learned(4), learned(5), learned(4, "sgd"))
        for number in (0, 1)
        for topic_id in (TOPIC_ID, "")
    }
    assert len(hashes) == 12


def test_a_state_with_a_number_that_json_cannot_carry_is_never_written() -> None:
    taken = snapshot.take(learned(4), 0, TOPIC_ID)
    taken.state["errors"]["faded"][1] = float("inf")
    with pytest.raises(ValueError, match="not finite"):
        snapshot.write(taken, {})


# Signed as it should be, by whoever may write to the changelog: what fuzzing found.
IMPOSSIBLE: list[tuple[str, list[str | int], Any]] = [
    ("bayesian", ["counts", "learned"], "4"),
    ("bayesian", ["counts", "learned"], -1),
    ("bayesian", ["counts", "refused"], 2**63),
    ("bayesian", ["errors", "all", 0], True),
    ("bayesian", ["errors", "all", 1], "much"),
    ("bayesian", ["errors", "all", 2], 1e308),
    ("bayesian", ["errors", "faded", 0], None),
    ("bayesian", ["errors", "recent", 0, 0], 0.5),
    ("bayesian", ["errors", "recent", 0, 3], []),
    ("bayesian", ["estimator", "start", "n"], 64.0),
    ("bayesian", ["estimator", "ss", 0, 0], -1.0),
    ("bayesian", ["estimator", "ss_inv", 0, 0], -1.0),
    ("bayesian", ["estimator", "ss_inv", 0, 1], 4.0),  # the other half says otherwise
    ("bayesian", ["estimator", "eta", 0], 1e308),
    ("bayesian", ["statistics", "factor", 1, 1], 1e308),
    ("sgd", ["estimator", "n"], "64"),
    ("sgd", ["estimator", "steps"], -1),
    ("sgd", ["estimator", "vars", 0], -1.0),
    ("sgd", ["estimator", "weights", 0], 1e308),
]


@pytest.mark.parametrize(("learner", "place", "wrong"), IMPOSSIBLE)
def test_a_signed_state_that_could_not_be_gone_on_from_is_damaged(
    learner: str, place: list[str | int], wrong: object
) -> None:
    value = written(learned(140, learner))
    inner = state = orjson.loads(value)["state"]
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = wrong
    made = spec(learner=learner)
    found = snapshot.read(rewritten(value, **state), 0, made)
    with pytest.raises(DamagedError, match="the state cannot be taken up"):
        found.restore(made)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_cannot_carry_is_never_written(number: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        snapshot.write(snapshot.take(learned(4), 0, TOPIC_ID), {"Intercept": number})


DAMAGES: dict[str, Callable[[bytes], bytes | None]] = {
    "a tombstone": lambda _: None,
    "empty": lambda _: b"",
    "not JSON": lambda _: b"snapshot",
    "not UTF-8": lambda value: value[:50] + b"\xff" + value[51:],
    "no object": lambda _: b"[]",
    "a string": lambda _: b'"format"',
    "no members": lambda _: b"{}",
    "NaN": lambda value: value.replace(b'"tv":-2.0', b'"tv":NaN'),
    "no state": lambda value: value.replace(b'"state"', b'"estate"'),
    "a state that is none": lambda value: re.sub(rb'"state":\{.*\},"sk', b'"state":7,"sk', value),
    "another partition's": lambda _: written(learned(4), number=1),
    "a position that is none": lambda value: rewritten(value, position="4"),
    "a negative position": lambda value: rewritten(value, position=-1),
    "a position between two": lambda value: rewritten(value, position=4.0),
    "a true position": lambda value: rewritten(value, position=True),
    "a position that no log has": lambda value: rewritten(value, position=2**64 - 1),
    "a topic id that is none": lambda value: rewritten(value, topic_id=["topic"]),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_what_is_no_snapshot_is_damaged(name: str) -> None:
    damaged = DAMAGES[name](VALUE)
    assert damaged != VALUE
    with pytest.raises(DamagedError):
        read(damaged)


def test_a_snapshot_cut_anywhere_is_damaged() -> None:
    for length in range(len(VALUE)):
        with pytest.raises(DamagedError):
            read(VALUE[:length])


@pytest.mark.parametrize("bit", [0x01, 0x10])
@pytest.mark.parametrize("count", [4, 70])
def test_a_flipped_bit_anywhere_changes_nothing_or_is_noticed(count: int, bit: int) -> None:
    value = written(learned(count))
    due = read(value)
    passed = 0
    for place in range(len(value)):
        flipped = value[:place] + bytes([value[place] ^ bit]) + value[place + 1 :]
        try:
            found = read(flipped)
        except (DamagedError, ForeignError):
            continue
        assert found == due  # it was in the coefficients or the version, which nothing rests on
        passed += 1
    assert passed < 100


FOREIGN: dict[str, Callable[[bytes], bytes]] = {
    "format": lambda value: value.replace(b'"format":2', b'"format":3'),
    "formula": lambda value: rewritten(value, formula="sales ~ radio"),
    "fields": lambda value: rewritten(value, fields=["tv", "sales"]),
    "learner": lambda value: rewritten(value, learner="sgd"),
    "river": lambda value: rewritten(value, river="0.25"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_snapshot_of_something_else_says_of_what_and_what_to_do(name: str) -> None:
    with pytest.raises(ForeignError) as refused:
        read(FOREIGN[name](VALUE))
    assert f"of another {name}" in str(refused.value)
    assert f"Go back to that {name}, or choose a new APPLICATION_ID" in str(refused.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"statistics": {}},
        {"statistics": []},
        {"statistics": None},
        {"counts": {}},
        {"errors": None},
        {"estimator": {"idx": ["Intercept", "radio"]}},
        {"estimator": None},
    ],
)
def test_a_state_that_is_none_of_this_recipe_is_not_taken_up(changes: dict[str, Any]) -> None:
    with pytest.raises(DamagedError, match="the state cannot be taken up"):
        read(rewritten(VALUE, **changes)).restore(spec())


def test_a_snapshot_of_the_first_format_is_passed_over_and_the_log_is_read_again() -> None:
    with pytest.raises(DamagedError, match="format 1, which is learned again from the log"):
        read(VALUE.replace(b'"format":2', b'"format":1'))


def test_a_covariance_that_has_lost_its_digits_stops_no_learning() -> None:
    partition, sound = learned(128), learned(128)
    assert isinstance(partition.estimator, Bayesian)
    partition.estimator._river._ss_inv_arr *= -1e3  # no longer one, as rounding might leave it
    for each in (partition, sound):
        each.fold(Record(130 + i, event(row), timestamp=2000 + i) for i, row in enumerate(ROWS))
    found, known = partition.errors.errors, sound.errors.errors
    assert found.n == known.n
    assert list(found)[1:] == pytest.approx(list(known)[1:])
