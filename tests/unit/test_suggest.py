"""A suggested model file works on the sample that it was made from."""

import math
import random
import re
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.decode import Request, decode_request
from consumer.decode.mapping import ModelFileError, read_model
from consumer.decode.mapping.paths import path
from consumer.explore import suggest
from consumer.explore.members import members
from consumer.model import Model, ModelSpec, Partition
from consumer.model.answer import answer
from contract.messages import Method, Outcome
from unit.model_files import NAMES, golden
from unit.records import Record

SAMPLED = [name for name in NAMES if name != "late"]
"""Which events get their labels from other records, nobody can tell from a sample."""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=12,
)


def sample(name: str) -> list[Record]:
    """The example's events, with other numbers each time."""
    made = random.Random(name)  # noqa: S311 - a seed

    def varied(value: Any, key: str = "") -> Any:  # noqa: ANN401 - JSON
        if isinstance(value, dict):
            return {name: varied(it, name) for name, it in value.items()}
        if isinstance(value, list):
            return [varied(it) for it in value]
        timely = "time" in key
        if isinstance(value, int | float) and not isinstance(value, bool) and not timely:
            return value * made.uniform(0.5, 2)
        return value

    learned = [it for it in golden(name) if it.outcome in ("learned", "skipped", "unlabelled")]
    return [
        Record(
            offset,
            orjson.dumps(varied(orjson.loads(it.value))),
            1_795_774_500_000 + offset,
            None,
            it.headers,
        )
        for offset, it in enumerate(learned * 40)
    ]


@pytest.mark.parametrize("name", SAMPLED)
def test_the_file_that_is_suggested_for_an_example_learns_from_it(name: str) -> None:
    records = sample(name)
    text = suggest(records)
    partition = Partition(ModelSpec.of_file(read_model(text), "bayesian"))
    partition.fold(records)
    assert partition.counts[Outcome.LEARNED] >= 40
    assert partition.counts[Outcome.REFUSED] == 0
    table = answer(Request(Method.TRAIN, {}), Model(partition.spec, {0: partition.view()}))
    assert len(table["coefficients"]) > 1
    assert f"{partition.counts[Outcome.LEARNED]} learned" in text


def test_kinds_levels_gaps_and_times_are_seen() -> None:
    events = [
        {
            "event": "Order Completed" if number % 2 else "Order Viewed",
            "messageId": f"m-{number}",
            "properties": {"price": f"{number}.5", "vip": number % 3 == 0}
            | ({"revenue": number} if number % 2 else {}),
            "os": ["iOS", "Android", None][number % 3],
            "sentAt": "2026-11-27T10:00:00Z",
            "received_at": 1_795_774_500_000 + number,
        }
        for number in range(60)
    ]
    text = suggest([Record(offset, orjson.dumps(it)) for offset, it in enumerate(events)])
    made = read_model(text)
    fields = {field.name: field for field in made.fields}
    assert made.where == "event == 'Order Completed'"
    assert made.formula.startswith("revenue ~ ")
    assert fields["price"].path == "properties.price"
    assert fields["price"].text
    assert fields["vip"].type == "boolean"
    assert set(fields["os"].levels) == {"iOS", "Android"}
    assert "33 % lack it" in text
    assert (fields["sentAt"].type, fields["sentAt"].unit) == ("time", None)
    assert (fields["received_at"].type, fields["received_at"].unit) == ("time", "ms")
    assert "messageId" not in fields


def test_a_level_that_no_labelled_event_has_is_no_column_of_the_formula() -> None:
    kinds = ["a", "a", "b", "c"]
    events = [
        {"os": kinds[number % 4], "price": number % 7}
        | ({"revenue": number} if number % 4 < 3 else {})
        for number in range(80)
    ]
    text = suggest([Record(offset, orjson.dumps(it)) for offset, it in enumerate(events)])
    (field,) = (it for it in read_model(text).fields if it.name == "os")
    assert read_model(text).formula == "revenue ~ os + price"
    assert (field.levels, field.other) == (("a", "b"), None)


def test_rare_levels_of_the_formula_count_as_other() -> None:
    events = [
        {"os": "ab"[number % 2] if number > 1 else "rare", "revenue": number}
        for number in range(80)
    ]
    text = suggest([Record(offset, orjson.dumps(it)) for offset, it in enumerate(events)])
    (field,) = (it for it in read_model(text).fields if it.name == "os")
    assert (set(field.levels), field.other) == ({"a", "b"}, "other")


def test_a_member_that_is_an_object_in_some_events_is_no_field() -> None:
    events = [{"y": number, "x": 1 if number % 2 else {"in": number}} for number in range(40)]
    text = suggest([Record(offset, orjson.dumps(it)) for offset, it in enumerate(events)])
    assert {it.path or it.name for it in read_model(text).fields} == {"y", "x.in"}


def test_a_model_of_categories_answers_from_the_sample_alone() -> None:
    made = random.Random(1)  # noqa: S311 - a seed
    events = [
        {"price": made.uniform(1, 9), "os": made.choice(["iOS", "Android"]), "sales": made.random()}
        for _ in range(60)
    ]
    records = [Record(offset, orjson.dumps(it)) for offset, it in enumerate(events)]
    spec = ModelSpec.of_file(read_model(suggest(records)), "bayesian")
    partition = Partition(spec)
    partition.fold(records)
    request = decode_request(b'{"price": 2, "os": "iOS"}')
    reply = answer(request, Model(spec, {0: partition.view()}), 1000)
    assert "os" in reply["formula"]
    assert math.isfinite(reply["prediction"])


def test_a_formula_is_checked_against_the_sample() -> None:
    records = sample("segment")
    assert 'formula = "revenue ~ quantity"' in suggest(records, "revenue ~ quantity")
    with pytest.raises(ModelFileError, match=r"the fields are: .*revenue"):
        suggest(records, "profit ~ quantity")


@pytest.mark.parametrize("values", [[b"[]"], [b"", None], [b'{"a": "x"}']])
def test_a_sample_without_numbers_says_so(values: list[bytes | None]) -> None:
    with pytest.raises(ValueError, match=r"nothing to suggest|is a number"):
        suggest([Record(0, value) for value in values])


@given(st.dictionaries(st.text(max_size=3), JSON))
def test_every_member_is_found_again_by_its_path(event: dict[str, Any]) -> None:
    event = orjson.loads(orjson.dumps(event))
    for where, value in members(event).items():
        assert path(where)(event, Record(0, None)) == value


def wide(numbers: int, categories: int) -> list[Record]:
    """Events of many members; the last number and the last category are in all of them."""
    levels = [f"level {number}" for number in range(12)]

    def event(at: int) -> dict[str, Any]:
        made: dict[str, Any] = {f"n{it}": at * it % 7 for it in range(numbers) if at or it % 2}
        made |= {f"c{it}": levels[(at + it) % 12] for it in range(categories) if at or it % 2}
        return made | {"revenue": 3.0 * at}

    return [Record(offset, orjson.dumps(event(offset))) for offset in range(60)]


@pytest.mark.parametrize(("numbers", "categories"), [(100, 0), (10, 40), (63, 1), (0, 30)])
def test_of_more_members_than_a_model_takes_those_are_suggested_that_most_events_have(
    numbers: int, categories: int
) -> None:
    records = wide(numbers, categories)
    text = suggest(records)
    file = read_model(text)
    names = {field.name for field in file.fields}
    (out,) = [line for line in text.splitlines() if "left out" in line] or [""]
    all_ = {f"n{it}" for it in range(numbers)} | {f"c{it}" for it in range(categories)}
    assert {it for it in re.findall(r"\w+", out) if it in all_} == all_ - names
    assert bool(out) == (numbers + categories > 63 or categories > 20)
    if not categories:  # the even ones are not in the first event
        assert all(int(it[1:]) % 2 == 0 for it in all_ - names)
    assert "60 learned" in text or "59 learned" in text


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.text(max_size=3), JSON), min_size=1, max_size=5))
def test_any_sample_gives_a_file_that_can_be_read_or_a_reason(events: list[Any]) -> None:
    records = [Record(offset, orjson.dumps(it)) for offset, it in enumerate(events)]
    try:
        text = suggest(records)
    except ModelFileError:
        raise
    except ValueError as error:
        assert "number" in str(error) or "nothing" in str(error)  # noqa: PT017 - both ways
    else:
        read_model(text)
