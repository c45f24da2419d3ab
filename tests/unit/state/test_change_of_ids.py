"""A changed model file whose events have ids: rows wait as they are, so what they are stays."""

import pytest

from consumer.decode.mapping import read_model
from consumer.model.spec import ModelSpec
from consumer.state.change import ChangeError, change
from unit.late import late_spec

MODEL = """
formula = "y ~ a"
{tables}
[fields.y]
path = "y"
[fields.a]
"""
IDS = '[event]\nid = "id"\nrepeats = "drop"\nwithin = "{within}"'


def spec(tables: str, formula: str = "y ~ a") -> ModelSpec:
    text = MODEL.format(tables=tables).replace("y ~ a", formula)
    return ModelSpec.of_file(read_model(text), "bayesian")


def refusal(old: ModelSpec, new: ModelSpec) -> str:
    with pytest.raises(ChangeError) as refused:
        change(old.identity(), new)
    return str(refused.value)


def test_tables_are_not_added_nor_removed_nor_changed() -> None:
    without, hour, day = spec(""), spec(IDS.format(within="1h")), spec(IDS.format(within="1d"))
    assert "another event.id: 'None', and this service has 'id'" in refusal(without, hour)
    assert "another event.id: 'id', and this service has 'None'" in refusal(hour, without)
    assert "another event.within_ms: '3600000'" in refusal(hour, day)
    assert "another label.absent: 'None', and this service has '0.0'" in refusal(
        late_spec(), late_spec(absent=0.0)
    )


def test_the_same_file_is_taken_up() -> None:
    minutes, hour = spec(IDS.format(within="60m")), spec(IDS.format(within="1h"))
    assert not list(change(minutes.identity(), hour).faults())


def test_with_ids_alone_another_formula_is_taken_up() -> None:
    tables = IDS.format(within="1h")
    assert change(spec(tables).identity(), spec(tables, "y ~ 1")).has_new_formula
