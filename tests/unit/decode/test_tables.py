"""The tables [event] and [label] of the model file: what they may say, and how records are read."""

import re
from typing import Any

import orjson
import pytest

from consumer.decode import SKIPPED, Rejected
from consumer.decode.event import Identified, Label
from consumer.decode.mapping import Mapping, ModelFileError, read_model
from contract.messages import Reason
from unit.late import MODEL as LATE
from unit.late import bought, shown
from unit.records import Record

MODEL = """
formula = "log(revenue) ~ price"
keep = ["revenue", "I(revenue * price)"]
where = "event == 'Shown'"
[event]
id = "id"
[label]
where = "event == 'Ordered'"
id = "of"
value = "revenue"
within = "24h"
absent = 1
[fields.revenue]
range = [0, 100]
[fields.price]
"""


def faults(text: str) -> list[str]:
    with pytest.raises(ModelFileError) as fault:
        read_model(text)
    return str(fault.value).splitlines()


def changed(*changes: tuple[str, str]) -> str:
    text = MODEL
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    return text


def test_the_tables_are_part_of_what_the_state_depends_on() -> None:
    said = read_model(MODEL).identity()
    assert said["event"] == {"id": "id", "repeats": None, "within_ms": None, "limit": 1_000_000}
    assert said["label"]["within_ms"] == 24 * 3600 * 1000
    without = MODEL[: MODEL.index("[event]")] + MODEL[MODEL.index("[fields") :]
    assert read_model(without).identity().keys() == {"keep", "where", "fields"}


def test_all_faults_are_reported_together_each_with_its_key() -> None:
    text = changed(
        ('id = "id"', 'repeats = "keep"\nlimit = 0'),
        ("where = \"event == 'Ordered'\"", 'where = "event =="'),
        ('value = "revenue"', 'value = "a..b"'),
        ('within = "24h"', 'within = "1 day"'),
        ("absent = 1", 'absent = "none"'),
    )
    assert [it.partition(":")[0] for it in faults(text)] == [
        "event.repeats",
        "label.absent",
        "event.id",
        "event.limit",
        "label.value",
        "label.where",
        "label.within",
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([('[event]\nid = "id"\n', "")], "event.id: is missing"),
        ([('id = "of"\n', "")], "label.id: is missing"),
        ([('within = "24h"\n', "")], "label.within: is missing"),
        ([('within = "24h"', 'within = "0s"')], "label.within: expected a duration"),
        ([('within = "24h"', 'within = "999999d"')], "label.within: expected a duration"),
        ([('id = "id"', 'id = "id"\nwithin = "1h"')], "event.within: is for repeats"),
        ([("absent = 1", "absent = 101")], "label.absent: is outside the range"),
        ([("absent = 1", "absent = 0")], "label.absent: log(revenue) has no value there"),
        ([('"log(revenue) ~', '"I(revenue * price) ~')], "label.value: gives one field"),
    ],
)
def test_a_table_that_does_not_work_is_refused_by_the_key(
    changes: list[tuple[str, str]], said: str
) -> None:
    assert any(said in it for it in faults(changed(*changes)))


def test_ids_alone_serve_repeats() -> None:
    label = MODEL[MODEL.index("[label]") : MODEL.index("[fields")]
    assert faults(MODEL.replace(label, "")) == [
        "event.repeats: is missing; an id serves repeats = 'drop', or [label]"
    ]
    repeats = MODEL.replace(label, 'repeats = "drop"\nwithin = "90s"\n')
    tables = read_model(repeats).tables
    assert (tables.window_ms, tables.memory_ms) == (90_000, 90_000)


def test_labels_are_told_from_orphans_for_as_long_again() -> None:
    tables = read_model(MODEL).tables
    assert (tables.window_ms, tables.memory_ms) == (86_400_000, 2 * 86_400_000)


def read(value: object, **others: Any) -> Any:  # noqa: ANN401 - whatever it is
    return Mapping(read_model(MODEL))(Record(0, orjson.dumps(value), **others))


def test_an_event_has_its_id_and_its_row_without_the_target() -> None:
    event = read({"event": "Shown", "id": 7, "price": 2, "revenue": 5})
    assert isinstance(event, Identified)
    assert event.id == "7"
    assert repr(event.row) == "(nan, 2.0, nan, nan)"


@pytest.mark.parametrize("id_", [None, "", True, 1.5, [1], {"a": 1}])
def test_an_id_is_a_text_or_a_whole_number(id_: object) -> None:
    for record in (
        {"event": "Shown", "id": id_, "price": 2},
        {"event": "Ordered", "of": id_, "revenue": 5},
    ):
        refused = read(record)
        assert isinstance(refused, Rejected)
        assert refused.reason is Reason.BAD_ID


def test_a_label_is_not_asked_for_where_nor_for_fields() -> None:
    assert read({"event": "Ordered", "of": "7", "revenue": 5}) == Label("7", 5.0)
    assert read({"event": "Else", "id": "7", "price": 5}) is SKIPPED


def test_a_label_completes_a_row_and_the_functions_of_the_target() -> None:
    labels = Mapping(read_model(MODEL)).labels
    assert labels is not None
    row = labels.completed((float("nan"), 2.0, float("nan"), float("nan")), 10.0)
    assert row == pytest.approx((10.0, 2.0, 2.302585092994046, 20.0))
    undefined = labels.completed((float("nan"), 2.0, float("nan"), float("nan")), 0.0)
    assert isinstance(undefined, Rejected)
    assert undefined.reason is Reason.UNDEFINED


def test_without_labels_an_event_without_the_target_is_unlabelled() -> None:
    text = MODEL[: MODEL.index("[label]")] + 'repeats = "drop"\nwithin = "1h"\n'
    mapping = Mapping(read_model(text + MODEL[MODEL.index("[fields") :]))
    assert mapping(Record(0, b'{"event": "Shown", "id": "a"}')) == Identified("a", None)


@pytest.mark.parametrize(
    "value",
    [
        shown("a", 1, 2),
        shown(2**60, 1, 2),
        shown(None, 1, 2),
        shown(id_=True, a=1, b=2),
        shown("ü", "x", 2),
        bought("a", 1),
        bought(3, "x"),
        bought([], 1),
        b'{"kind": "other"}',
        b'{"kind": "shown"}',
        b"[]",
    ],
)
def test_the_fast_way_reads_the_same_as_the_paths(value: bytes) -> None:
    # The same paths in quotes are no dotted ones.
    dotted = LATE.format(within="1h", limit=9, absent="", path="")
    quoted = re.sub(r'"p\.(\w+)"', r"""'"p"."\1"'""", dotted)
    assert dotted != quoted
    fast, by_paths = (Mapping(read_model(text))(Record(0, value)) for text in (dotted, quoted))
    assert repr(by_paths).replace('"', "").replace("\\", "") == repr(fast)
