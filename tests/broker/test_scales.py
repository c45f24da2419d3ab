"""Exact at any origin and scale, seen from outside: by predictions, metrics and the table.

Truth is exact arithmetic over the events that were sent, each predicted from those before it in its
partition. Half of them are sent, the service is restarted, and the rest follows. (What the number
of partitions does to it is for `tests/property/test_exactness.py`.)
"""

from collections.abc import Callable
from contextlib import closing

import numpy as np
import orjson
import pytest
from kafka import KafkaAdminClient, KafkaProducer
from numpy.typing import NDArray
from river import datasets
from statsmodels.datasets import engel, longley

from contract.environment import Environment
from producer import PredictionClient
from support.service import LEARNED
from support.waiting import wait_until
from unit.exact import learned, one_step_ahead

from .conftest import Start

Floats = NDArray[np.float64]

CLOSE = 1e-6
"""In standard deviations of the noise, or of what is estimated."""


def normal(mean: float, sd: float, target: float = 5.0) -> Floats:
    """A feature of this mean and standard deviation, noise of one: 3,000 rows."""
    rng = np.random.default_rng(11)
    z = rng.normal(size=3000)
    return np.column_stack((mean + sd * z, target + 3 * z + rng.normal(size=3000)))


def epoch_seconds() -> Floats:
    """Times within a day, and the hour that shows in the target."""
    rng = np.random.default_rng(12)
    day = np.sort(rng.integers(0, 86_400, 3000))
    return np.column_stack((1_780_000_000.0 + day, day / 3600 + rng.normal(size=3000)))


def trump_approval() -> Floats:
    rows = [[*map(float, x.values()), float(y)] for x, y in datasets.TrumpApproval()]
    return np.array(rows)


def chick_weights() -> Floats:
    rows = [(x["time"], x["diet"], y) for x, y in datasets.ChickWeights()]
    return np.array(rows, dtype=float)


def of_statsmodels(module: object) -> Floats:
    data = module.load_pandas()  # type: ignore[attr-defined]
    return np.column_stack((data.exog.to_numpy(), data.endog.to_numpy())).astype(float)


SETS: dict[str, Callable[[], Floats]] = {
    "unit": lambda: normal(0, 1),
    "sd-1e-9": lambda: normal(0, 1e-9),
    "sd-1e-6": lambda: normal(0, 1e-6),
    "sd-1e8": lambda: normal(0, 1e8),
    "sd-1e9": lambda: normal(0, 1e9),
    "mean-1e6": lambda: normal(1e6, 1),
    "mean-1e6-sd-1e-9": lambda: normal(1e-3, 1e-9),
    "mean-1e11-sd-1e5": lambda: normal(1e11, 1e5),
    "target-1e7": lambda: normal(0, 1, target=1e7),
    "epoch-seconds": epoch_seconds,
    "trump-approval": trump_approval,
    "chick-weights": chick_weights,
    "longley": lambda: of_statsmodels(longley),
    "engel": lambda: of_statsmodels(engel),
}
QUICK = {("trump-approval", 5)}
SLOW = {("unit", 1), ("epoch-seconds", 5), *((name, 2) for name in SETS)} - QUICK


def send(settings: Environment, rows: Floats, first: int, partitions: int) -> None:
    with closing(KafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)) as producer:
        for number, row in enumerate(rows.tolist(), first):
            event = orjson.dumps(dict(zip(settings.fields, row, strict=True)))
            producer.send(settings.events_topic, event, partition=number % partitions)
        producer.flush()


def prequential_rmse(rows: Floats, partitions: int) -> float | None:
    errors = np.concatenate([one_step_ahead(rows[n::partitions]) for n in range(partitions)])
    scored = errors[~np.isnan(errors)]
    return float(np.sqrt(np.mean(scored**2))) if len(scored) else None


@pytest.mark.parametrize(
    ("name", "partitions"),
    [
        *sorted(QUICK),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in sorted(SLOW)),
    ],
)
def test_a_service_gives_what_exact_least_squares_gives(
    start: Start, monkeypatch: pytest.MonkeyPatch, kafka: str, name: str, partitions: int
) -> None:
    rows = SETS[name]()
    terms = [f"x{number}" for number in range(1, rows.shape[1])]
    monkeypatch.setenv("FIELDS", ",".join([*terms, "y"]))
    monkeypatch.setenv("FORMULA", f"y ~ {' + '.join(terms)}")
    settings = Environment.read()
    with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
        admin.create_topics({settings.events_topic: {"num_partitions": partitions}})
    half = len(rows) // 2
    first = start()
    send(settings, rows[:half], 0, partitions)
    wait_until(lambda: first.metric(LEARNED) == half)
    assert first.stop() == 0
    service = start()
    send(settings, rows[half:], half, partitions)
    wait_until(lambda: service.metric("riverline_model_events") == len(rows))

    asked = [rows[0, :-1].tolist(), rows[-1, :-1].tolist(), rows[:, :-1].mean(axis=0).tolist()]
    exact = learned(rows, *asked)
    with PredictionClient(settings) as client:
        table = client.ask("train")
        noise = table["residual_sd"]
        for features in asked:
            reply = client.predict(**dict(zip(terms, features, strict=True)))
            assert reply["model"] == "bayesian"
            assert reply["prediction"] == pytest.approx(exact.predict(features), abs=CLOSE * noise)
            low, high = reply["interval"]["low"], reply["interval"]["high"]
            assert low < reply["prediction"] < high
            assert (low + high) / 2 == pytest.approx(reply["prediction"], abs=CLOSE * noise)
    for term, due in zip(["Intercept", *terms], exact.coefficients(), strict=True):
        close = CLOSE * table["coefficients"][term]["se"]
        assert table["coefficients"][term]["coef"] == pytest.approx(due, abs=close)
        shown = service.metric(f'riverline_coefficient{{term="{term}"}}')
        assert shown == pytest.approx(due, abs=close)
    due_rmse = prequential_rmse(rows, partitions)
    shown = service.metric('riverline_prequential_error{metric="rmse"}')
    assert shown == pytest.approx(due_rmse or 0.0, abs=CLOSE * noise)
    assert table["prequential"].get("rmse") == pytest.approx(due_rmse)
