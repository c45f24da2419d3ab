"""Outcomes are counted in the intervals that the model gave before it learned them."""

from typing import Any

import numpy as np
import orjson
import pytest
from scipy import special

from consumer.decode import Request, RequestError
from consumer.model.answer import answer
from consumer.model.merged import Model
from consumer.model.partition import Partition
from consumer.model.prequential import Prequential, calibration
from consumer.model.prequential.covered import LEVELS, Covered
from consumer.model.statistics.ahead import Ahead
from consumer.model.statistics.regression import predict
from consumer.model.view import MANY, errors_of
from contract.messages import Method
from unit.records import bits, event, folded, records, restored, spec

rng = np.random.default_rng(18)
N = 260
NEEDED = 4
"""Events that determine the formula with a degree of freedom left."""


def stream(n: int = N) -> list[list[float]]:
    """Rows whose noise grows with tv, a few of them far off."""
    tv, radio, newspaper = rng.uniform(0, 100, size=(3, n))
    noise = rng.standard_t(3, size=n) * (0.2 + tv / 50)
    sales = 7 + 0.05 * tv + 0.2 * radio + noise
    return list(map(list, zip(*(it.tolist() for it in (tv, radio, newspaper, sales)), strict=True)))


ROWS = stream()
BOTH = spec("sales ~ tv + radio")


def offline(rows: list[list[float]]) -> list[list[bool]]:
    """For each row whether it lies in its interval of each level, asking the model before it."""
    partition, found = Partition(BOTH), []
    for record, row in zip(records(map(event, rows)), rows, strict=True):
        model = Model(BOTH, {0: partition.view()})
        partition.fold([record])
        try:
            regression = model.fit(BOTH.formula)
        except RequestError:
            continue
        x = {"tv": row[0], "radio": row[1]}
        ours = model.predict(x)
        intervals = [predict(regression, x, level).around(ours) for level in LEVELS]
        found.append([it.low <= row[3] <= it.high for it in intervals])
    return found


INSIDE = offline(ROWS)


def counts(inside: list[list[bool]]) -> Covered:
    within = np.reshape(inside, (-1, len(LEVELS))).sum(axis=0).tolist()
    return Covered(len(inside), tuple(within))


def covered(*parts: Partition) -> dict[str, Any]:
    return Model(BOTH, {number: it.view() for number, it in enumerate(parts)}).calibration


@pytest.mark.parametrize("n", [3, 4, 5, 64, 65, 130, N])
def test_the_counts_are_those_of_asking_before_each_event(n: int) -> None:
    found = folded(map(event, ROWS[:n]), BOTH).view().errors.covered
    assert found == counts(INSIDE[: max(0, n - NEEDED)])


def test_over_partitions_they_are_the_sums() -> None:
    parts = [ROWS[number::3] for number in range(3)]
    inside = [it for part in parts for it in offline(part)]
    found = covered(*(folded(map(event, part), BOTH) for part in parts))
    assert found.pop("recent") == found == counts(inside).figures()


def test_the_recent_ones_are_those_of_the_newest_blocks() -> None:
    rows = stream(1500)
    inside = offline(rows)
    found = covered(folded(map(event, rows), BOTH))
    assert found["n"] == len(inside)
    n = found["recent"]["n"]
    assert 1000 <= n < 1064
    assert found["recent"] == counts(inside[-n:]).figures()


def test_a_restart_changes_no_count_and_no_bit() -> None:
    log = records(map(event, ROWS))
    whole = Partition(BOTH)
    whole.fold(log)
    for at in (3, 64, 100, 222):
        first = Partition(BOTH)
        first.fold(log[:at])
        again = restored(first)
        again.fold(log[at:])
        assert bits(again) == bits(whole)


def test_a_state_of_before_begins_to_count_when_it_is_taken_up() -> None:
    partition = folded(map(event, ROWS[:192]), BOTH)
    state = orjson.loads(orjson.dumps(partition.to_state()))
    del state["errors"]["covered"]
    old = Partition.from_state(BOTH, state)
    assert old.errors.errors == partition.errors.errors
    assert old.errors.covered == Covered()
    old.fold(records(map(event, ROWS))[192:])
    assert old.view().errors.covered == counts(INSIDE[192 - NEEDED :])


@pytest.mark.parametrize("damaged", [[1], [3, 1, 2], [3, 1, 2, 4], [-1, 0, 0, 0], [3, 1, 2, 2.5]])
def test_counts_that_cannot_be_are_refused(damaged: list[float]) -> None:
    state = orjson.loads(orjson.dumps(folded(map(event, ROWS), BOTH).to_state()["errors"]))
    state["covered"][-1] = damaged
    with pytest.raises(ValueError, match="count"):
        Prequential.from_state(state)
    del state["covered"][-1]
    with pytest.raises(ValueError, match="zip"):
        Prequential.from_state(state)


def test_incomplete_blocks_of_many_partitions_count_the_same_together() -> None:
    parts = [folded(map(event, stream(70 + number)), BOTH) for number in range(2 * MANY)]
    together = errors_of([it.view() for it in parts])
    assert [it.covered for it in together] == [it.view().errors.covered for it in parts]


def test_so_do_those_with_rows_beyond_all_measure() -> None:
    """Too much leverage to be counted together: each by itself, and nothing is warned of."""
    tiny = [[1e-12 * tv, 1e-12 * radio, 0.0, sales] for tv, radio, _, sales in stream(64)]
    far = [[1e12, -1e12, 0.0, 1e12], [-1e12, 1e12, 0.0, -1e12], [1e12, 1e12, 0.0, 0.0]]
    parts = [folded(map(event, tiny + far * 9), BOTH) for _ in range(2 * MANY)]
    together = errors_of([it.view() for it in parts])
    assert [it.covered for it in together] == [it.view().errors.covered for it in parts]


def test_a_perfect_fit_has_no_interval_to_fall_into() -> None:
    rows = [[tv, tv**2, 0.0, 3 + 2 * tv] for tv in range(1, 100)]
    errors = folded(map(event, rows), BOTH).view().errors
    assert errors.errors.n > 90
    assert errors.covered == Covered()
    assert calibration([errors])["n"] == 0


def test_where_the_assumptions_hold_the_shares_are_the_levels() -> None:
    tv, noise = rng.normal(size=(2, 20_000))
    rows = np.column_stack((tv, tv, tv, 1 + tv + noise)).tolist()
    found = folded(map(event, rows)).view().errors.covered
    for level, within in zip(LEVELS, found.within, strict=True):
        assert within / found.n == pytest.approx(
            level, abs=4 * (level * (1 - level) / found.n) ** 0.5
        )


def test_few_degrees_of_freedom_and_many_side_by_side_are_told_apart_exactly() -> None:
    df = np.concatenate((np.arange(1.0, 200.0), np.array([1e3, 1e6, 2.0**40])))
    edges = [-special.stdtrit(df, (1 - level) / 2) for level in LEVELS]
    for number, edge in enumerate(edges):
        at = Ahead(edge * 2, np.full(len(df), 2.0), df)
        assert Covered.of(at).within[number] == len(df)
        assert Covered.of(at._replace(errors=2.0 * np.nextafter(edge, np.inf))).within[number] == 0


def test_train_says_it_if_predictions_have_intervals() -> None:
    rows = ROWS[:100]
    learned = {name: folded(map(event, rows), spec(learner=name)) for name in ("bayesian", "sgd")}
    replies = {
        name: answer(Request(Method.TRAIN, {}), Model(it.spec, {0: it.view()}))
        for name, it in learned.items()
    }
    said = replies["bayesian"]["calibration"]
    assert [it["level"] for it in said["levels"]] == list(LEVELS)
    assert said["n"] == replies["bayesian"]["prequential"]["recent"]["n"]
    assert "calibration" not in replies["sgd"]
