"""Deaths leave no trace in a state with gaps, levels and skipped events."""

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.decode.mapping import read_model
from consumer.model import ModelSpec, Partition
from consumer.state import snapshot
from unit.records import Record

MODEL = ModelSpec.of_file(
    read_model("""
formula = "y ~ a * os"
keep = ["log(b)"]
where = "kind == 'order'"
[fields.y]
[fields.a]
[fields.b]
missing = "indicator"
[fields.os]
type = "category"
levels = ["iOS", "Android"]
other = "other"
"""),
    "bayesian",
)
EVENTS = st.fixed_dictionaries(
    {"kind": st.sampled_from(["order", "order", "order", "view"])},
    optional={
        "y": st.floats(-9, 9),
        "a": st.integers(-9, 9),
        "b": st.floats(0, 9),
        "os": st.sampled_from(["iOS", "Android", "tv", 7, None]),
    },
)


def documents(partition: Partition) -> tuple[bytes, bytes]:
    regression = snapshot.write(snapshot.take(partition, 0, ""))
    return regression, snapshot.write(snapshot.take_history(partition, 0, ""))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(EVENTS, min_size=1, max_size=6),
    st.lists(st.integers(0, 400), max_size=4),
    st.randoms(use_true_random=False),
)
def test_a_state_does_not_depend_on_where_the_process_died(
    events: list[dict[str, Any]],
    deaths: list[int],
    chance: Any,  # noqa: ANN401 - a Random
) -> None:
    log = [
        Record(offset, orjson.dumps(chance.choice(events) | {"y": chance.random()}), offset)
        if chance.random() < 0.9
        else Record(offset, orjson.dumps(chance.choice(events)), offset)
        for offset in range(400)
    ]
    through = Partition(MODEL)
    through.fold(log)
    partition, history = Partition(MODEL), documents(Partition(MODEL))[1]
    for death in sorted(deaths):
        partition.fold(log[partition.reads_from : death])
        if not partition.has_whole_history:
            continue
        regression, newer = documents(partition)
        partition = snapshot.read(regression, 0, MODEL)[0].restore(MODEL)
        partition.take_up(snapshot.read(history, 0, MODEL)[0].history(MODEL))
        history = chance.choice([history, newer])
    partition.fold(log[partition.reads_from :])
    assert partition.to_state() == through.to_state()
    assert partition.history_state() == through.history_state()
