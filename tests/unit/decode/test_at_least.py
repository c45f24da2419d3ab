"""The positions that an asker wants its answer to include."""

import pytest

from consumer.decode import Request, RequestError, check_partitions, decode_request
from contract.messages import ErrorCode, Method


@pytest.mark.parametrize(
    "value",
    [
        b'{"tv": 50, "at_least": {"2": 1234, "0": 0}}',
        b'{"method": "predict", "params": {"tv": 50, "at_least": {"2": 1234, "0": 0}}}',
    ],
)
def test_both_forms_of_a_question_may_have_bounds(value: bytes) -> None:
    assert decode_request(value) == Request(Method.PREDICT, {"tv": 50}, {2: 1234, 0: 0})


@pytest.mark.parametrize("method", ["train", "describe"])
def test_so_may_every_other_question(method: str) -> None:
    value = f'{{"method": "{method}", "params": {{"at_least": {{"1": 7}}}}}}'.encode()
    assert decode_request(value) == Request(Method(method), {}, {1: 7})


def test_an_event_to_learn_is_no_question() -> None:
    value = b'{"method": "learn", "params": {"tv": 1, "at_least": "anything"}}'
    assert decode_request(value).params == {"tv": 1, "at_least": "anything"}


@pytest.mark.parametrize(
    ("bounds", "said"),
    [
        ("7", "expected an object"),
        ("[]", "got a list"),
        ('{"two": 1}', "number of a partition"),
        ('{"02": 1}', "number of a partition"),
        ('{"-1": 1}', "number of a partition"),
        ('{"\\u0661": 1}', "number of a partition"),
        ('{"2": -1}', "partition 2"),
        ('{"2": 1.0}', "partition 2"),
        ('{"2": "1"}', "partition 2"),
        ('{"2": true}', "partition 2"),
        ('{"2": null}', "partition 2"),
        ('{"2": 9223372036854775808}', "partition 2"),
    ],
)
def test_what_has_another_shape_is_refused_with_a_sentence(bounds: str, said: str) -> None:
    with pytest.raises(RequestError, match=said) as refused:
        decode_request(f'{{"tv": 1, "at_least": {bounds}}}'.encode())
    assert refused.value.code is ErrorCode.BAD_PARAMS


def test_null_and_an_empty_object_bound_nothing() -> None:
    assert decode_request(b'{"tv": 1, "at_least": null}').at_least == {}
    assert decode_request(b'{"tv": 1, "at_least": {}}').at_least == {}


@pytest.mark.parametrize(
    ("bounds", "said"),
    [({4: 1}, "no partition 4"), ({0: 1, 9: 1}, "no partition 9"), ({5: 0}, "no partition 5")],
)
def test_a_partition_that_is_not_there_is_named(bounds: dict[int, int], said: str) -> None:
    with pytest.raises(RequestError, match=said):
        check_partitions(bounds, 4)


def test_more_bounds_than_partitions_are_refused() -> None:
    with pytest.raises(RequestError, match="5 partitions, and the events topic has 4"):
        check_partitions(dict.fromkeys(range(5), 0), 4)
    check_partitions(dict.fromkeys(range(4), 0), 4)
