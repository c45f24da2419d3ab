"""Simulated mobile ad events with known coefficients.

    sales = 2.94 + 0.0458 tv + 0.1885 radio - 0.001 newspaper + N(0, 1.69)

tv is uniform on [0, 300], radio on [0, 44.6] and newspaper on [0, 61], independent of each other,
and 1.69 is the noise's standard deviation. So the true regression ``sales ~ tv`` has the
slope 0.0458 and the intercept 2.94 + 0.1885 * 22.3 - 0.001 * 30.5 = 7.11: at tv = 50 it is 9.40.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

FIELDS = ("tv", "radio", "newspaper", "sales")
INTERCEPT = 2.94
SLOPES = np.array([0.0458, 0.1885, -0.001])
HIGHEST = np.array([300.0, 44.6, 61.0])
NOISE = 1.69

_DEVICES = ("android", "ios")
_BLOCK = 1024
_SYSTEMS = ("iOS", "Android", None)
_VIEWS, _GAPS = 0.25, 0.1
"""The shares of events that are of another kind, and of orders without a price."""


def truth(tv: float) -> float:
    """The expected sales at ``tv``, over all radio and newspaper."""
    means = HIGHEST / 2
    return float(INTERCEPT + SLOPES[0] * tv + SLOPES[1:] @ means[1:])


def simulate(count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield ``count`` events; the same seed gives the same events, whatever the count."""
    rng = np.random.default_rng(seed)
    for start in range(0, count, _BLOCK):
        features = np.round(rng.uniform(0, HIGHEST, size=(_BLOCK, len(HIGHEST))), 1)
        sales = INTERCEPT + features @ SLOPES + rng.normal(0, NOISE, size=_BLOCK)
        devices = rng.integers(len(_DEVICES), size=_BLOCK)
        rows = np.column_stack([features, sales]).tolist()
        for row, device in list(zip(rows, devices, strict=True))[: count - start]:
            yield dict(zip(FIELDS, row, strict=True)) | {"device": _DEVICES[device]}


def nested(count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield events of a shop as an app sends them: other kinds between them, text, gaps."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        price, system = round(float(rng.gamma(4, 5)), 2), _SYSTEMS[int(rng.integers(3))]
        quantity = int(rng.integers(1, 5))
        moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=7 * number)
        event: dict[str, Any] = {
            "messageId": f"simulated-{seed}-{number}",
            "timestamp": moment.isoformat(),
            "context": {"os": {"name": system}} if system else {},
        }
        if rng.random() < _VIEWS:
            event |= {"event": "Product Viewed", "properties": {"price": price}}
        else:
            revenue = 2 + 1.5 * price + 3 * (system == "Android") + float(rng.normal())
            properties: dict[str, Any] = {"revenue": round(revenue, 2), "quantity": quantity}
            if rng.random() > _GAPS:
                properties["price"] = str(price)
            event |= {"event": "Order Completed", "properties": properties}
        yield event
