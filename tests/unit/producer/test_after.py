"""The positions that a question asks with."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer import PredictionError
from producer.after import parse_positions, positions_of, write_positions
from producer.question import question_headers, read_reply, write_question


def test_they_are_those_of_an_acknowledgement_or_given_by_partition() -> None:
    assert positions_of({"learned": True, "at_least": {"0": 8}, "positions": {"0": 9}}) == {"0": 8}
    assert positions_of({0: 8, 2: 1}) == {"0": 8, "2": 1}
    assert positions_of({}) == {}


@pytest.mark.parametrize("other", [{"prediction": 1.0}, {"at_least": 7}])
def test_the_reply_to_something_else_has_none(other: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected the reply to learn"):
        positions_of(other)


@given(st.dictionaries(st.integers(0, 10**9), st.integers(0, 2**63 - 1), min_size=1))
def test_what_is_written_is_read_again(positions: dict[int, int]) -> None:
    assert parse_positions(write_positions(positions)) == positions


@pytest.mark.parametrize("text", ["", "2", "2:", ":2", "a:1", "2:-1", "2:1,2:3", "2:1;3:1"])
def test_what_is_written_in_another_way_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="PARTITION:POSITION"):
        parse_positions(text)


def test_a_question_has_them_and_a_deadline_only_if_it_is_to_wait() -> None:
    asked = orjson.loads(write_question("predict", {"tv": 1}, {2: 7}))
    assert asked == {"method": "predict", "params": {"tv": 1, "at_least": {"2": 7}}}
    asked = orjson.loads(write_question("predict", {"tv": 1}, None))
    assert asked == {"method": "predict", "params": {"tv": 1}}
    assert "deadline" in dict(question_headers(b"7", "replies", 5.0))
    assert "deadline" not in dict(question_headers(b"7", "replies", None))


def test_a_refusal_tells_the_positions_reached() -> None:
    error = {"code": "not-yet", "message": "later", "positions": {"2": 3}}
    refused = read_reply(orjson.dumps({"error": error}))
    assert isinstance(refused, PredictionError)
    assert (refused.code, refused.positions) == ("not-yet", {"2": 3})
