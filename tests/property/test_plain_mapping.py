"""The fast way through a model file reads no event otherwise than its paths do."""

import json
import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from consumer.decode.mapping import Mapping, read_model
from property.test_event import damage, odd_values
from unit.records import Record

MODEL = """
formula = "y ~ a + os"
keep = ["log(b)"]
where = "kind == 'order'"
[fields.y]
path = "p.y"
[fields.a]
path = "p.q.a"
text = true
[fields.b]
missing = "indicator"
[fields.os]
path = "c.os"
type = "category"
levels = ["iOS", "1"]
other = "other"
[fields.on]
type = "boolean"
"""
fast = Mapping(read_model(MODEL))
# The same paths in quotes are no dotted ones.
quoted = re.sub(
    r'path = "([^"]*)"',
    lambda found: "path = '" + ".".join(f'"{it}"' for it in found[1].split(".")) + "'",
    MODEL,
).replace("\"kind == 'order'\"", "'''\"kind\" == 'order' '''")
by_paths = Mapping(read_model(quoted.replace("[fields.on]", "[fields.on]\npath = '\"on\"'")))

VALUES = st.one_of(
    odd_values,
    st.sampled_from(
        ["1", "-0", "2.5", '"1"', '"iOS"', '"order"', "true", "null", '""', "9007199254740993",
         "1e22", "-0.0", '"\\ud800"', '"\\u0061"', "[]", "{}", "1e400", "1" * 30, '"12.5"']
    ),
)  # fmt: skip
NAMES = ("y", "a", "b", "os", "on", "kind", "p", "q", "c", "x")


@st.composite
def objects(draw: st.DrawFn, depth: int = 3) -> str:
    """An object's text, of the model's names at any place, some twice."""
    members = []
    for name in draw(st.lists(st.sampled_from(NAMES), max_size=6)):
        value = draw(objects(depth - 1)) if depth and draw(st.booleans()) else draw(VALUES)
        members.append(f'"{name}": {value}')
    return "{" + ", ".join(members) + "}"


@st.composite
def near(draw: st.DrawFn) -> bytes:
    """An event of the right shape but for some of its values, maybe damaged."""
    y, a, b, os, on, kind = (draw(st.one_of(st.just(it), VALUES)) for it in PLAIN)
    more = draw(st.sampled_from(["", ', "p": null', ', "p": {"y": 3}', ', "c": []', ', "x": {}']))
    text = f'{{"kind": {kind}, "p": {{"y": {y}, "q": {{"a": {a}}}}}, "b": {b}, '
    value = bytearray(f'{text}"c": {{"os": {os}}}, "on": {on}{more}}}'.encode(errors="replace"))
    if draw(st.booleans()):
        damage(draw, value)
    return bytes(value)


PLAIN = ("1.5", "2", "3.5", '"iOS"', "true", json.dumps("order"))


def agrees(value: bytes | None) -> None:
    one, other = fast(Record(0, value)), by_paths(Record(0, value))
    said = [repr(it).replace('"', "").replace("'", "").replace("\\", "") for it in (one, other)]
    assert said[0] == said[1]
    assert fast.take_undeclared() == by_paths.take_undeclared()


@settings(deadline=None, max_examples=600)
@given(st.one_of(near(), objects().map(str.encode), st.none()))
@example(b'{"kind": "order", "p": {"y": 1}, "p": {"q": {"a": 1}}}')
@example(b'{"kind": "order", "p": {"y": 1, "q": null}, "c": {"os": 1.0}}')
@example(b'{"kind": "order", "p": {"y": 1, "q": {"a": "1"}}, "c": {"os": 9007199254740993}}')
def test_both_ways_read_the_same(value: bytes | None) -> None:
    agrees(value)
