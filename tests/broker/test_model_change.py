"""A model file changed by a restart, and the commands that come before one."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pandas as pd
import pytest

from consumer.decode.mapping import read_model
from contract.environment import Environment
from producer import PredictionClient, PredictionError
from support.service import LEARNED
from support.waiting import wait_until

from .conftest import Start
from .test_model_file import CASES, Case, assert_table, events, fitted, model_file, send

ORIGIN = "arr_delay ~ dep_delay * C(origin)"


def command(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What ``python -m consumer WORDS`` says."""
    return subprocess.run(
        [sys.executable, "-m", "consumer", *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def gappy(case: Case) -> pd.DataFrame:
    rows = case.rows()
    rows.loc[::7, "hour"] = None
    rows.loc[::11, "distance"] = None
    return rows


def without_gaps(case: Case, rows: pd.DataFrame) -> Iterator[bytes]:
    """Events that lack what is missing."""
    for value in events(case, rows.astype(object).where(rows.notna(), None)):
        event = orjson.loads(value)
        event["context"]["hour"] = (
            None if event["context"]["hour"] == "None" else event["context"]["hour"]
        )
        yield orjson.dumps(event)


@pytest.mark.slow(seconds=20)
def test_a_changed_formula_answers_at_once_and_an_added_field_is_learned_from_there(
    start: Start, partitioned: Environment, tmp_path: Path
) -> None:
    case = CASES["flights"]
    fields = {name: it for name, it in case.fields.items() if name != "distance"}
    keep, formula = ("dep_delay:origin", "carrier:origin"), "arr_delay ~ dep_delay + hour"
    first = replace(case, fields=fields, keep=keep, formulas=(formula,))
    rows, file = gappy(case), tmp_path / "model.toml"
    file.write_text(f'challengers = ["{ORIGIN}"]\n{model_file(first)}')
    service = start(MODEL=str(file))
    send(partitioned, without_gaps(case, rows[:2000]))
    wait_until(lambda: service.metric(LEARNED) == 2000)
    with PredictionClient(partitioned) as client:
        table = client.ask("train")
        assert_table(table, fitted(formula, rows[:2000]))
        (challenger,) = table["challengers"]
        events_of_both = f'riverline_challenger_events{{formula="{challenger["formula"]}"}}'
        assert 1000 < challenger["n"] == service.metric(events_of_both) < 2000  # some lack the hour
    assert service.stop() == 0

    refused = tmp_path / "refused.toml"
    refused.write_text(model_file(first).replace("text = true", ""))
    said = command("check", MODEL=str(refused))
    assert said.returncode == 1
    assert "fields.hour.text" in said.stdout
    changed = replace(case, formulas=(ORIGIN,), keep=("hour", "carrier:origin", "log(distance)"))
    file.write_text(f'challengers = ["{formula}"]\n{model_file(changed)}')
    said = command("check", MODEL=str(file))
    assert said.returncode == 0, said.stdout + said.stderr
    assert "partition 0, 1, 2: formula: " in said.stdout
    assert "fields.distance: added" in said.stdout

    service = start(MODEL=str(file))
    with PredictionClient(partitioned) as client:
        table = client.ask("train")
        assert_table(table, fitted(ORIGIN, rows[:2000]))
        assert sum(table["since"].values()) == 2000
        (challenger,) = table["challengers"]
        assert (challenger["formula"], challenger["since"]) == (formula, table["since"])
        assert challenger["n"] < 3 * 64  # of the blocks that were not complete
        assert service.metric(LEARNED) == 0
        send(partitioned, without_gaps(case, rows[2000:]))
        wait_until(lambda: service.metric(LEARNED) == len(rows) - 2000)
        assert_table(client.ask("train"), fitted(ORIGIN, rows))
        assert_table(client.ask("train", {"formula": formula}), fitted(formula, rows))
        later = "arr_delay ~ dep_delay + log(distance)"
        assert_table(client.ask("train", {"formula": later}), fitted(later, rows[2000:]))
        summary = client.ask("describe")["summary"]
        assert summary["distance"]["count"] == rows["distance"][2000:].notna().sum()
        assert sum(summary["distance"]["known_from"].values()) == 2000
        assert summary["hour"]["missing"] == rows["hour"].isna().sum()


@pytest.mark.slow(seconds=15)
def test_a_quiet_log_is_saved_by_each_model_that_it_is_taken_up_by(
    start: Start, partitioned: Environment, tmp_path: Path
) -> None:
    file, both = tmp_path / "model.toml", 'formula = "y ~ x"\n[fields.y]\n[fields.x]\n'
    first, last = (f'{both}[fields.w]\npath = "{path}"\n' for path in ("here", "there"))
    file.write_text(first)
    service = start(MODEL=str(file))
    send(partitioned, (orjson.dumps({"y": 2.0 * x + x % 3, "x": x}) for x in range(90)))
    wait_until(lambda: service.metric(LEARNED) == 90)
    assert service.stop() == 0
    file.write_text(last)
    assert command("check", MODEL=str(file)).returncode == 1  # its path is another
    for without_events in (both, last):
        file.write_text(without_events)
        service = start(MODEL=str(file))
        wait_until(lambda: service.ready)  # noqa: B023 - called here alone
        with PredictionClient(partitioned) as client:
            assert client.ask("train")["n"] == 90
        assert service.stop() == 0


def test_from_a_topic_to_a_model_in_two_commands(
    start: Start, partitioned: Environment, tmp_path: Path
) -> None:
    case = CASES["chicks"]
    rows, file = case.rows(), tmp_path / "model.toml"
    send(partitioned, events(case, rows))
    said = command("suggest", "--formula", "weight ~ days + diet")
    assert said.returncode == 0, said.stderr
    file.write_text(said.stdout)
    assert read_model(said.stdout).formula == "weight ~ days + diet"
    service = start(MODEL=str(file))
    wait_until(lambda: service.metric(LEARNED) == len(rows))
    with PredictionClient(partitioned) as client:
        found = client.ask("train")["coefficients"]["days"]["coef"]
    numbers = rows.rename(columns={"time": "days"}).astype({"diet": float})
    expected = fitted("weight ~ days + diet", numbers)
    assert abs(found - expected.params["days"]) < 1e-8
    assert command("suggest", EVENTS_TOPIC="nowhere").returncode == 1


def test_what_is_refused_is_told_by_the_log_the_answers_and_the_end_of_csv(
    start: Start, settings: Environment, tmp_path: Path
) -> None:
    file = tmp_path / "table.csv"
    file.write_text("tv,radio,newspaper,sales\n" + "1,2,dear,4\n" * 5)
    service = start()
    send_csv = [sys.executable, "-m", "producer", "csv", str(file)]
    for _ in range(2):
        done = subprocess.run(send_csv, capture_output=True, text=True, timeout=60, check=True)
        wait_until(lambda: "events are refused" in service.log.read_text())
    assert "events were refused, the last one because newspaper: expected a number" in done.stderr
    with PredictionClient(settings) as client, pytest.raises(PredictionError, match="were refused"):
        client.ask("describe")
