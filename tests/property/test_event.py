"""Whatever bytes come: a row, "unlabelled" or a reason, and the state knows of the rows alone."""

import json
import math
from typing import Any

import orjson
from hypothesis import example, given, settings
from hypothesis import strategies as st

from consumer.decode.event import UNLABELLED, Decoded, EventDecoder, Rejected
from consumer.model.partition import Partition
from contract.messages import VALUE_LIMIT, Outcome, Reason
from unit.records import FIELDS, bits, event, folded, records, spec

decode = EventDecoder(FIELDS, "sales")

numbers = st.floats(-VALUE_LIMIT, VALUE_LIMIT) | st.integers(-(10**12), 10**12)
rows = st.tuples(numbers, numbers, numbers, numbers)

# The text of a member's value, as a program, a person or an enemy writes it.
odd_values = st.one_of(
    numbers.map(json.dumps),
    st.sampled_from(
        [
            "null",
            "true",
            "false",
            '""',
            '"1"',
            "[]",
            "[1]",
            "{}",
            "NaN",
            "-Infinity",
            "1e999",
            "-0.0",
        ]
    ),
    st.integers(-(2**80), 2**80).map(str),
    st.integers(1, 400).map(lambda digits: "9" * digits),
    st.floats(allow_nan=False, allow_infinity=False).map(json.dumps),
    st.text(max_size=5).map(json.dumps),
    st.binary(max_size=5).map(lambda raw: raw.decode("latin-1")),
    st.integers(0, 1100).map(lambda depth: "[" * depth + "]" * depth),
)
odd_names = st.sampled_from([*FIELDS, "TV", "tv ", "", "device"]) | st.text(max_size=5)


@st.composite
def near_valid(draw: st.DrawFn) -> bytes:
    """An event to which something happened: to its members, to its bytes, or to both."""
    texts = [json.dumps(number) for number in draw(rows)]
    members = dict(enumerate(zip(FIELDS, texts, strict=True)))
    for position in draw(st.sets(st.integers(0, 3), max_size=2)):
        if draw(st.booleans()):
            del members[position]
        else:
            members[position] = (members[position][0], draw(odd_values))
    more = draw(st.lists(st.tuples(odd_names, odd_values), max_size=2))
    order = draw(st.permutations([*members.values(), *more]))
    text = ", ".join(f"{json.dumps(name)}: {value}" for name, value in order)
    value = bytearray(f"{{{text}}}".encode())
    for _ in range(draw(st.integers(0, 2))):
        damage(draw, value)
    return bytes(value)


def damage(draw: st.DrawFn, value: bytearray) -> None:
    """Flip a bit, cut the end off, put bytes in, or take some out."""
    at = draw(st.integers(0, max(0, len(value) - 1)))
    match draw(st.sampled_from(["flip", "cut", "insert", "remove"])):
        case "flip" if value:
            value[at] ^= 1 << draw(st.integers(0, 7))
        case "cut":
            del value[at:]
        case "insert":
            value[at:at] = draw(st.binary(min_size=1, max_size=3))
        case _:
            del value[at : at + draw(st.integers(1, 3))]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(odd_names, inner, max_size=4),
    max_leaves=6,
).map(lambda document: json.dumps(document).encode())
anything = st.none() | st.binary(max_size=64) | json_values | near_valid()


def judged(value: bytes | None) -> str | tuple[float, ...]:
    """What Python's own parser and plain comparisons make of a value: the row, or one word."""
    try:
        document: Any = json.loads((value or b"").decode())
    except (ValueError, RecursionError):
        return "refused"
    if not isinstance(document, dict):
        return "refused"
    row: list[Any] = [document.get(name) for name in FIELDS]
    if any(not is_number(number) for number in row[:3]):
        return "refused"
    if row[3] is None:
        return "unlabelled"
    return tuple(map(float, row)) if is_number(row[3]) else "refused"


def is_number(value: object) -> bool:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= VALUE_LIMIT
    )


@settings(deadline=None, max_examples=500)
@given(anything)
@example(b"")
@example(b"[" * 100_000)
@example(b'{"tv":' * 2000)
@example(b"\x00" * 1000)
def test_any_bytes_end_as_a_row_as_unlabelled_or_refused_with_a_reason(value: bytes | None) -> None:
    event = decode(value)
    if isinstance(event, Rejected):
        assert event.reason in Reason
        assert event.detail.isprintable()
        assert 0 < len(event.detail) < 200
    elif event is not UNLABELLED:
        assert isinstance(event, tuple)
        assert [type(number) for number in event] == [float] * 4
        assert all(math.isfinite(number) and abs(number) <= VALUE_LIMIT for number in event)


@settings(deadline=None, max_examples=500)
@given(anything)
def test_what_is_taken_is_what_another_parser_would_take(value: bytes | None) -> None:
    """And what is refused is refused by it too, but for what orjson is stricter in than Python."""
    event = decode(value)
    if isinstance(event, tuple):
        assert repr(event) == repr(judged(value))
    elif event is UNLABELLED:
        assert judged(value) == "unlabelled"
    elif isinstance(event, Rejected) and event.reason is not Reason.BAD_JSON:
        assert judged(value) == "refused"


@settings(deadline=None, max_examples=200)
@given(rows)
def test_every_event_in_range_is_taken_with_the_very_bits_that_were_sent(
    row: tuple[float, ...],
) -> None:
    taken = decode(event(row))
    assert repr(taken) == repr(tuple(map(float, row)))


def is_row(value: bytes | None) -> bool:
    made: Decoded = decode(value)
    return isinstance(made, tuple)


@settings(deadline=None, max_examples=150)
@given(
    good=st.lists(rows.map(event), max_size=6),
    rest=st.lists(anything.filter(lambda value: not is_row(value)), max_size=6),
    places=st.lists(st.integers(0, 12), min_size=6, max_size=6),
    learner=st.sampled_from(["bayesian", "sgd"]),
)
def test_the_state_after_bad_events_among_good_ones_is_that_of_the_good_ones_to_the_bit(
    good: list[bytes], rest: list[bytes | None], places: list[int], learner: str
) -> None:
    made = spec("sales ~ tv + radio", learner)
    among: list[bytes | None] = list(good)
    for value, place in zip(rest, places, strict=False):
        among.insert(place, value)
    mixed, alone = folded(among, made), folded(good, made)
    assert bits(mixed) == bits(alone)
    assert mixed.counts[Outcome.LEARNED] == len(good)
    assert sum(mixed.counts.values()) == mixed.position == len(among)


@settings(deadline=None, max_examples=100)
@given(
    values=st.lists(rows.map(event) | anything, max_size=12),
    cuts=st.lists(st.integers(0, 12), max_size=4),
)
def test_the_state_is_the_same_bits_however_polls_cut_the_stream(
    values: list[bytes | None], cuts: list[int]
) -> None:
    log = records(values)
    whole, cut = Partition(spec()), Partition(spec())
    whole.fold(log)
    for end in [*cuts, len(log)]:
        cut.fold(log[:end])  # a poll may give again what was folded already
    assert bits(cut) == bits(whole)
    assert (cut.counts, cut.position) == (whole.counts, whole.position)


@settings(deadline=None, max_examples=50)
@given(st.lists(rows.map(event), max_size=30), st.sampled_from(["bayesian", "sgd"]))
def test_whatever_was_learned_the_state_is_finite(values: list[bytes], learner: str) -> None:
    partition = folded(values, spec("sales ~ tv + radio", learner))
    state = orjson.dumps(partition.estimator.state() | {"start": 0})  # which may be none
    assert b"null" not in state  # orjson's word for what is not finite
    if learner == "bayesian":  # of sgd: tests/unit/model/test_prequential.py
        assert b"null" not in orjson.dumps(partition.errors.state())
