"""The model file: what it may say, and what becomes of events and requests by it."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.decode import Rejected, RequestError
from consumer.decode.event import SKIPPED, UNLABELLED
from consumer.decode.mapping import Mapping, ModelFileError, read_model
from consumer.model.folding import FoldResult
from consumer.model.partition import Partition
from consumer.model.spec import ModelSpec
from contract.messages import ErrorCode, Outcome
from unit.model_files import NAMES, Golden, example, golden
from unit.records import Record

MODEL = """
formula = "revenue ~ price + os + price:os"
keep = ["log1p(quantity)", "I(price**2)", "C(premium)"]
where = "event == 'Order Completed'"
[fields.revenue]
path = "properties.revenue"
[fields.price]
path = "properties.price"
missing = "indicator"
range = [0, 10000]
text = true
[fields.quantity]
path = "properties.quantity"
missing = 1
[fields.os]
path = "context.os.name"
type = "category"
levels = ["iOS", "Android"]
other = "other"
missing = "other"
[fields.premium]
path = "context.traits.premium"
type = "boolean"
missing = 0
[fields.hour]
path = "timestamp"
type = "time"
part = "hour"
"""

EVENT: dict[str, Any] = {
    "event": "Order Completed",
    "properties": {"revenue": 12.5, "price": "9.9", "quantity": 2},
    "context": {"os": {"name": "iOS"}, "traits": {"premium": True}},
    "timestamp": "2026-11-27T10:00:00Z",
}

mapping = Mapping(read_model(MODEL))
design = mapping.model.design


@pytest.mark.parametrize(
    ("name", "event"),
    [(name, it) for name in NAMES for it in golden(name)],
    ids=lambda it: getattr(it, "name", it),
)
def test_a_golden_event_ends_as_it_says(name: str, event: Golden) -> None:
    partition = Partition(example(name))
    timestamp = 1_795_774_500_000
    result = partition.fold([Record(0, event.value, timestamp, None, event.headers)])
    assert partition.counts == dict.fromkeys(Outcome, 0) | {Outcome(event.outcome): 1}
    assert [it.why.reason for it in result.refused] == [event.reason] * (event.reason is not None)


def test_a_row_has_the_fields_then_their_functions() -> None:
    assert design.fields[:4] == ("revenue", "price", "price.missing", "quantity")
    assert design.fields[-2:] == ("log1p(quantity)", "I(price ** 2)")
    row = mapping(Record(0, orjson.dumps(EVENT)))
    assert row == pytest.approx((12.5, 9.9, 0, 2, 0, 1, 10, 1.0986122886681098, 98.01))


def test_a_gap_with_an_indicator_counts_as_zero_and_is_told() -> None:
    row = mapping(Record(0, orjson.dumps({**EVENT, "properties": {"revenue": 1, "price": None}})))
    assert isinstance(row, tuple)
    assert row[:4] == (1, 0, 1, 1)


def test_an_event_without_the_target_is_unlabelled_whatever_else_it_lacks() -> None:
    assert mapping(Record(0, b'{"event": "Order Completed"}')) is UNLABELLED
    assert mapping(Record(0, b'{"event": "Else"}')) is SKIPPED


def test_all_faults_are_reported_together_each_with_its_key() -> None:
    text = MODEL.replace('"boolean"', '"bool"').replace("[0, 10000]", "[1, 0]")
    text += '\n[fields.x]\npath = "a..b"\nlevels = ["a"]\nblah = 1\n'
    with pytest.raises(ModelFileError) as fault:
        read_model(text)
    keys = [line.partition(":")[0] for line in str(fault.value).splitlines()]
    assert keys == [
        "fields.price.range",
        "fields.premium.type",
        "fields.x.blah",
        "fields.x.path",
        "fields.x.levels",
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('formula = "revenue', 'formula = "nothing'), "formula: 'nothing' is not a field"),
        (('"I(price**2)"', '"I(price**99)"'), "keep: the exponent"),
        (('"I(price**2)"', '"log(os)"'), "os is a category"),
        (("event == 'Order Completed'", "event =="), "where: not a JMESPath"),
        (('path = "properties.revenue"', "missing = 1"), "is not for the target"),
        (('part = "hour"', ""), "fields.hour.part: is missing"),
        (("missing = 1\n", "missing = 'guess'\n"), "must be 'omit', 'refuse', a number"),
        (("[fields.revenue]", "[fields.level]"), "reserved"),
        (("[fields.revenue]", "[fields."), "not TOML"),
    ],
)
def test_a_model_file_that_does_not_work_is_refused_by_the_key(
    change: tuple[str, str], said: str
) -> None:
    with pytest.raises(ModelFileError) as fault:
        read_model(MODEL.replace(*change))
    assert said in str(fault.value)


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        (["revenue ~ price:os:hour"], "keep = "),
        (["revenue ~ nothing"], "'nothing' is not a field"),
        (["quantity ~ price"], "explains quantity, and the formula revenue"),
        (["~ quantity", "~ quantity + 1"], "'~ quantity + 1' is listed twice"),
        ([f"~ {name}" for name in ("1", "0 + price", *"abcdefg")], "there are 9; the limit is 8"),
        (["revenue ~ log("], "'revenue ~ log('"),
    ],
)
def test_a_challenger_that_cannot_be_one_is_refused_by_name(listed: list[str], said: str) -> None:
    with pytest.raises(ModelFileError, match=r"^challengers: ") as refused:
        read_model(f"challengers = {listed}\n{MODEL}")
    assert said in str(refused.value)


def test_the_formula_is_no_challenger_of_itself_however_it_is_written() -> None:
    right = read_model(MODEL).formula.partition("~")[2]
    terms = " + ".join(reversed(right.split(" + ")))
    for text in (f"revenue ~ {right}", f"~ {terms}"):
        with pytest.raises(ModelFileError, match="is the formula"):
            read_model(f"challengers = {[text]}\n{MODEL}")


def test_challengers_are_no_part_of_what_a_state_depends_on() -> None:
    beside = read_model(f'challengers = ["~ quantity"]\n{MODEL}')
    assert beside.challengers == ("~ quantity",)
    assert beside.identity() == read_model(MODEL).identity()


def test_a_formula_whose_columns_are_not_kept_is_told_which_keep_would_help() -> None:
    with pytest.raises(RequestError, match=r'keep = \["hour:os"\]') as refused:
        design.formula("revenue ~ price + hour:os")
    assert refused.value.code is ErrorCode.NOT_KEPT


HOSTILE = [
    "revenue ~ __import__('os').system('true')",
    "revenue ~ os.system(price)",
    "revenue ~ price.__class__",
    "revenue ~ I((lambda: 1)())",
    "revenue ~ I(price if price else 1)",
    "revenue ~ I([x for x in price])",
    "revenue ~ I(9**9**9**9)",
    "revenue ~ I(price**1e308)",
    "revenue ~ log(price, hour)",
    "revenue ~ log(x=price)",
    "revenue ~ log(*price)",
    "revenue ~ eval(price)",
    "revenue ~ C(os, levels=[])",
    "revenue ~ " + "(" * 200 + "price" + ")" * 200,
    "revenue ~ I(" + "-" * 3000 + "price)",
    "revenue ~ I(" + "(" * 1000 + "price" + ")" * 1000 + ")",
    "revenue ~ (price + os + hour + quantity + premium)^9",
    "revenue ~ (price+os)^99999999999",
    "revenue ~ price ^ (1 + 1)",
    "revenue ~ " + " + ".join(f"I(price + {i})" for i in range(250)),
    "revenue ~ " + "*".join(["price", "os", "hour", "premium"] * 40),
    "revenue ~ {price + 1}",
    "revenue ~ price | os",
    "revenue ~ [price ~ os]",
    "revenue ~ 'price'",
    "revenue ~ `price",
    "revenue ~ 2:price",
    "revenue ~ price %in% os",
    "revenue + price ~ os",
    "1 ~ price",
    "os ~ price",
    "~" * 100,
    "revenue ~ \x00",
    "revenue ~ \u202eprice",
]


MANY = "abcdefgh"

OF_CATEGORIES = [
    "y ~ os:C(os)",
    "y ~ os:C(os):city:C(city)",
    "y ~ city:os",
    "y ~ " + ":".join(MANY),
    "y ~ " + " + ".join(":".join(set(MANY) - {it}) for it in MANY),
    "y ~ " + "*".join(MANY[:7]),
    "y ~ " + ":".join(["(.^8)^9"] * 30),
    "y ~ 0",
    "y ~ 1 - 1",
]


@pytest.mark.parametrize("text", OF_CATEGORIES, ids=range(len(OF_CATEGORIES)))
def test_a_formula_that_would_have_more_columns_than_can_be_kept_is_refused_unmade(
    text: str,
) -> None:
    levels = {"os": 6, "city": 100, **dict.fromkeys(MANY, 2)}
    categories = "".join(
        f"[fields.{name}]\ntype = 'category'\nlevels = {[f'l{it}' for it in range(n)]}\n"
        for name, n in levels.items()
    )
    large = read_model(f'formula = "y ~ os"\n[fields.y]\n{categories}').design
    started = time.perf_counter()
    with pytest.raises(RequestError) as refused:
        large.formula(text)
    assert refused.value.code is ErrorCode.BAD_FORMULA
    assert time.perf_counter() - started < 2


def test_what_is_read_to_be_answered_or_read_again_is_not_counted() -> None:
    spec = ModelSpec.of_file(read_model(MODEL.replace('other = "other"\n', "")), "bayesian")
    event = EVENT | {"context": {"os": {"name": "BeOS"}}}
    record = Record(0, orjson.dumps(event), 0)
    assert spec.mapping is not None
    assert isinstance(spec.decode(record), Rejected)
    assert spec.mapping.take_undeclared() == []
    assert isinstance(spec.mapping(record), Rejected)
    assert spec.mapping.take_undeclared() == [("os", "BeOS")]


def test_a_record_without_a_timestamp_lacks_the_field_that_stands_there() -> None:
    spec = ModelSpec.of_file(
        read_model(
            'formula = "y ~ x"\n[fields.y]\n[fields.x]\n[fields.hour]\n'
            'path = "@timestamp"\ntype = "time"\nunit = "ms"\npart = "hour"\n'
        ),
        "bayesian",
    )
    rows = [spec.decode(Record(0, b'{"y": 1, "x": 2}', at)) for at in (-1, 0, 3_600_000)]
    hours = [row[2] for row in rows if isinstance(row, tuple)]
    assert np.array_equal(hours, [np.nan, 0.0, 1.0], equal_nan=True)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_formula_is_refused_shortly_and_soon(text: str) -> None:
    started = time.perf_counter()
    with pytest.raises(RequestError) as refused:
        design.formula(text, "revenue")
    assert time.perf_counter() - started < 2
    assert len(refused.value.message) < 700
    assert refused.value.code in {
        ErrorCode.BAD_FORMULA,
        ErrorCode.NOT_KEPT,
        ErrorCode.UNKNOWN_FIELD,
    }


@settings(deadline=None, max_examples=200)
@given(
    text=st.text(max_size=60)
    | st.text("revenupicos()+-:*^~01.`{}[]'\" I,=\\|%", max_size=60)
    | st.lists(
        st.sampled_from(
            ["price", "os", "I(", "log(", ")", "+", ":", "^2", "-", "1", "0", "~", "C(", "`", "**"]
        ),
        max_size=25,
    ).map(" ".join)
)
def test_any_text_is_a_formula_or_a_short_refusal(text: str) -> None:
    try:
        formula = design.formula("revenue ~" + text)
    except RequestError as refusal:
        message = refusal.message
    else:
        message = ""
        assert design.formula(str(formula)).names == formula.names
    assert len(message) < 700


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "properties",
                    "context",
                    "os",
                    "name",
                    "price",
                    "revenue",
                    "event_params",
                    "key",
                    "value",
                    "ecommerce",
                    "timestamp",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@settings(deadline=None, max_examples=200)
@given(document=JSON, name=st.sampled_from(NAMES))
def test_values_of_any_shape_are_a_row_or_a_reason(document: Any, name: str) -> None:  # noqa: ANN401
    spec = example(name)
    assert spec.mapping is not None
    kind = {
        "event": "Order Completed",
        "event_name": "purchase",
        "type": "com.example.upload.finished",
    }
    value = orjson.dumps({**kind, **document} if type(document) is dict else document)
    decoded = spec.mapping(Record(0, value, headers=[("ce_type", b"\xff"), ("ce_source", None)]))
    assert isinstance(decoded, tuple | Rejected) or decoded in (UNLABELLED, SKIPPED)
    if isinstance(decoded, tuple):
        assert all(type(number) is float and abs(number) <= 1e24 for number in decoded)


def test_folding_counts_what_is_skipped() -> None:
    partition = Partition(example("segment"))
    result: FoldResult = partition.fold([Record(n, b'{"event": "Else"}') for n in range(3)])
    assert (result.skipped, partition.counts[Outcome.SKIPPED], partition.position) == (3, 3, 3)


def test_every_example_has_its_events() -> None:
    assert len(NAMES) == 6
    assert all(
        Path(__file__).parents[3].joinpath("examples/models", f"{name}.json").exists()
        for name in NAMES
    )
