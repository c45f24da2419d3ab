"""A model file that is taken reads any event: a row of numbers that is learned, or a reason."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.targets import fuzz_mapping
from property.test_event import odd_values

NAMES = ("y", "x", "os", "p.q")
PATHS = (
    "x",
    "p.q",
    "@header.ce_type",
    "@key",
    "@timestamp",
    "x[0]",
    "x[?k=='a'].v | [0]",
    "abs(x)",
)
TERMS = ("x", "os", "`p.q`", "x:os", "log(x)", "I(x**2)", "C(os)", "x.missing", "0", "exp(`p.q`)")

keys = st.fixed_dictionaries(
    {},
    optional={
        "path": st.sampled_from(PATHS),
        "type": st.sampled_from(["number", "category", "boolean", "time"]),
        "missing": st.sampled_from(["omit", "refuse", "indicator", "a", 0, 7]),
        "range": st.sampled_from([[0, 10], [-1e12, 1e12], [1, 0]]),
        "text": st.booleans(),
        "levels": st.sampled_from([["a", "b"], ["1"], ["a", "a"], []]),
        "other": st.sampled_from(["a", "other"]),
        "part": st.sampled_from(["hour", "weekday", "days", "seconds"]),
        "unit": st.sampled_from(["s", "ms", "us"]),
    },
)
values = st.one_of(
    odd_values,
    st.sampled_from(
        [
            '"a"',
            '"1"',
            "true",
            "null",
            '""',
            "1e400",
            '"2026-11-27"',
            "1795774500000",
            '[{"k": "a"}]',
        ]
    ),
)


@st.composite
def model_files(draw: st.DrawFn) -> str:
    """A model file's text; JSON's strings, lists and numbers are TOML's too."""
    formula = f"{draw(st.sampled_from(['y', 'log(y)', 'os']))} ~ " + " + ".join(
        draw(st.lists(st.sampled_from(TERMS), min_size=1, max_size=4))
    )
    lines = [f"formula = {json.dumps(formula)}"]
    if draw(st.booleans()):
        where = draw(st.sampled_from(["x == 'a'", "@header.ce_type == 'type'", "x", "length(x)"]))
        lines.append(f"where = {json.dumps(where)}")
    for name in NAMES:
        lines.append(f"[fields.{json.dumps(name)}]")
        table = draw(keys) if name != "y" else {}
        lines += [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    return "\n".join(lines)


@st.composite
def objects(draw: st.DrawFn) -> str:
    """An event's text, of the fields' names."""
    named = {name: draw(values) for name in draw(st.sets(st.sampled_from(["y", "x", "os", "p"])))}
    return "{" + ", ".join(f'"{name}": {value}' for name, value in named.items()) + "}"


@settings(deadline=None, max_examples=200)
@given(model_files(), objects())
def test_an_event_by_a_model_file_is_a_row_or_a_reason(text: str, event: str) -> None:
    assert fuzz_mapping(text.encode() + b"\0" + event.encode())
