"""A state as an open document: what is written is read back, and nothing else is."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from jsonschema import Draft202012Validator

from consumer.model import Model
from consumer.model.estimators.bayesian import Bayesian
from consumer.model.packed import pack
from consumer.model.partition import Partition
from consumer.model.statistics.kept.running import BLOCK
from consumer.state import snapshot
from consumer.state.belonging import ForeignError
from consumer.state.snapshot import DamagedError, Part
from contract.schemas import load_schema
from unit.records import Record, event, spec

ROWS = [(float(i), i * i % 7.0, i % 3.0, 3.0 + 0.5 * i + i % 2) for i in range(700)]
TOPIC_ID = "731a93a8-13c2-4484-86b9-2853c5457111"
OLD = Path(__file__).parent
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


def written_history(partition: Partition, number: int = 0) -> bytes:
    return snapshot.write(snapshot.take_history(partition, number, TOPIC_ID))


def read(value: bytes | None) -> snapshot.Snapshot:
    (found,) = snapshot.read(value, 0, spec())
    return found


def rewritten(value: bytes, **changes: Any) -> bytes:  # noqa: ANN401 - JSON
    """Another state, and the hash that belongs to it."""
    document = orjson.loads(value)
    document["state"] |= changes
    document["sha256"] = snapshot.digest(document["state"])
    return orjson.dumps(document)


def taken_up(found: snapshot.Snapshot) -> object:
    """What the part holds."""
    return found.restore(spec()) if found.part is Part.REGRESSION else found.history(spec())


VALUE = written(learned(4))
HISTORY = written_history(learned(4))
PARTS = {"regression": VALUE, "history": HISTORY}


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("count", COUNTS)
def test_what_is_written_is_read_back_to_the_bit(count: int, learner: str) -> None:
    partition, made = learned(count, learner), spec(learner=learner)
    taken = snapshot.take(partition, 5, TOPIC_ID)
    history = snapshot.take_history(partition, 5, TOPIC_ID)
    for one in (taken, history):
        (found,) = snapshot.read(snapshot.write(one), 5, made)
        assert found == one
        assert (found.position, found.topic_id, found.part) == (count + 2, TOPIC_ID, one.part)
    restored = taken.restore(made)
    restored.take_up(history.history(made))
    assert restored.reads_from == restored.position == count + 2
    assert snapshot.take(restored, 5, TOPIC_ID) == taken
    assert snapshot.take_history(restored, 5, TOPIC_ID) == history
    assert restored.counts == partition.counts


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("count", COUNTS)
def test_real_snapshots_validate(count: int, learner: str) -> None:
    partition = learned(count, learner)
    for value in (written(partition), written_history(partition)):
        assert [error.message for error in validator.iter_errors(orjson.loads(value))] == []


@pytest.mark.parametrize("part", PARTS)
def test_a_document_without_one_of_its_members_does_not_validate(part: str) -> None:
    for name in orjson.loads(PARTS[part]):
        document = orjson.loads(PARTS[part])
        del document[name]
        assert not validator.is_valid(document)


@pytest.mark.parametrize("part", PARTS)
def test_a_state_without_one_of_its_members_neither_validates_nor_is_taken_up(part: str) -> None:
    for name in orjson.loads(PARTS[part])["state"]:
        document = orjson.loads(PARTS[part])
        del document["state"][name]
        document["sha256"] = snapshot.digest(document["state"])
        assert not validator.is_valid(document)
        with pytest.raises(DamagedError):
            taken_up(read(orjson.dumps(document)))


def test_the_regression_is_small_and_the_history_of_constant_size() -> None:
    assert len(written(learned(700))) < 7_000
    assert len(written_history(learned(700))) < 90_000


def test_members_that_are_not_known_and_another_order_are_passed_over() -> None:
    document = json.loads(VALUE)
    document["from"] = "the future"
    document["state"] = dict(reversed(document["state"].items()))
    assert read(json.dumps(document, indent=1).encode()) == read(VALUE)
    history = json.loads(HISTORY) | {"from": "the future"}
    assert read(json.dumps(history).encode()) == read(HISTORY)


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
    ("bayesian", ["statistics", "factor"], pack(np.full(25, 1e308))),
    ("bayesian", ["forwarded"], "AAAA"),
    ("bayesian", ["forwarded"], {}),
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
    (found,) = snapshot.read(rewritten(value, **state), 0, made)
    with pytest.raises(DamagedError, match="the state cannot be taken up"):
        found.restore(made)


@pytest.mark.parametrize(
    ("member", "wrong"),
    [
        ("n", 4),
        ("n", "140"),
        ("rows", pack(np.full((128, 4), 1e308))),
        ("rows", "rows"),
        ("timestamps_ms", ""),
        ("pending", []),
        ("forwarded", None),
    ],
)
def test_a_signed_history_that_could_not_be_gone_on_from_is_damaged(
    member: str, wrong: object
) -> None:
    found = read(rewritten(written_history(learned(140)), **{member: wrong}))
    with pytest.raises(DamagedError, match="the state cannot be taken up"):
        found.history(spec())


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
    "a state that is none": lambda value: re.sub(rb'"state":\{.*', b'"state":7}', value),
    "another partition's": lambda _: written(learned(4), number=1),
    "a position that is none": lambda value: rewritten(value, position="4"),
    "a negative position": lambda value: rewritten(value, position=-1),
    "a position between two": lambda value: rewritten(value, position=4.0),
    "a true position": lambda value: rewritten(value, position=True),
    "a position that no log has": lambda value: rewritten(value, position=2**64 - 1),
    "a topic id that is none": lambda value: rewritten(value, topic_id=["topic"]),
    "another part": lambda value: re.sub(rb'"part":"\w+"', b'"part":"none"', value),
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", DAMAGES)
def test_what_is_no_snapshot_is_damaged(name: str, part: str) -> None:
    damaged = DAMAGES[name](PARTS[part])
    if damaged == PARTS[part]:
        assert (name, part) == ("NaN", "history")  # it has no coefficients
        return
    with pytest.raises(DamagedError):
        read(damaged)


@pytest.mark.parametrize("part", PARTS)
def test_a_snapshot_cut_anywhere_is_damaged(part: str) -> None:
    for length in range(len(PARTS[part])):
        with pytest.raises(DamagedError):
            read(PARTS[part][:length])


@pytest.mark.parametrize("bit", [0x01, 0x10])
@pytest.mark.parametrize(
    "value", [VALUE, written(learned(70)), HISTORY, written_history(learned(70))]
)
def test_a_flipped_bit_anywhere_changes_nothing_or_is_noticed(value: bytes, bit: int) -> None:
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
    "format": lambda value: value.replace(b'"format":3', b'"format":4'),
    "formula": lambda value: rewritten(value, formula="sales ~ radio"),
    "fields": lambda value: rewritten(value, fields=["tv", "sales"]),
    "learner": lambda value: rewritten(value, learner="sgd"),
    "river": lambda value: rewritten(value, river="0.25"),
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", FOREIGN)
def test_a_snapshot_of_something_else_says_of_what_and_what_to_do(name: str, part: str) -> None:
    with pytest.raises(ForeignError) as refused:
        read(FOREIGN[name](PARTS[part]))
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
        read(VALUE.replace(b'"format":3', b'"format":1'))


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("count", [4, 69])
def test_a_snapshot_of_the_second_format_is_taken_up_as_both_parts(
    count: int, learner: str
) -> None:
    made = spec("sales ~ tv", learner)
    value = (OLD / f"format-2-{learner}-{count}.json").read_bytes()
    regression, history = snapshot.read(value, 0, made)
    assert (regression.part, history.part) == (Part.REGRESSION, Part.HISTORY)
    assert not regression.is_current
    assert not history.is_current
    partition, whole = regression.restore(made), learned(count, learner)
    partition.take_up(history.history(made))
    assert partition.reads_from == partition.position == whole.position
    assert partition.statistics.n == count
    # To the last bit as it was written, on whatever kind of processor that was.
    old, state = orjson.loads(value)["state"], partition.to_state()
    assert not any(map(any, state["errors"].pop("covered")))  # nothing was counted then
    for part in ("position", "counts", "errors", "estimator"):
        assert state[part] == old[part], part
    assert state["statistics"]["factor"] == pack(np.array(old["statistics"]["factor"]))
    assert partition.history_state() == whole.history_state()
    # And as this one learns, to rounding; what robust errors rest on was not kept then.
    assert ("pairs" in state["statistics"]) == (count < BLOCK)
    for one, other in zip(_numbers(partition), _numbers(whole), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


def _numbers(partition: Partition) -> list[Any]:
    after = partition.view()
    coefficients = [*Model(partition.spec, {0: after}).coefficients.values()]
    return [coefficients, after.errors.state()["all"], after.statistics.blocks.factor]


def test_a_covariance_that_has_lost_its_digits_stops_no_learning() -> None:
    partition, sound = learned(128), learned(128)
    assert isinstance(partition.estimator, Bayesian)
    partition.estimator._river._ss_inv_arr *= -1e3  # no longer one, as rounding might leave it
    for each in (partition, sound):
        each.fold(Record(130 + i, event(row), timestamp=2000 + i) for i, row in enumerate(ROWS))
    found, known = partition.errors.errors, sound.errors.errors
    assert found.n == known.n
    assert list(found)[1:] == pytest.approx(list(known)[1:])
