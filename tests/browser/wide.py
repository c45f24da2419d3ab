"""A model of twelve features with long names and 28 terms, and its events, one of them far out."""

import json
import math
from random import Random
from typing import Any

FORMULA_TERMS = 28
EVENTS = 600
OUTLIER = 1_000_000.0
MANY_LEVELS = [f"acquisition campaign number {number}" for number in range(1, 9)]

_NUMBERS = (
    "checkout_session_duration_in_seconds",
    "average_basket_value_last_30_days",
    "number_of_items_in_shopping_cart",
    "minutes_since_last_push_notification",
    "distance_to_nearest_store_in_km",
    "application_cold_start_milliseconds",
    "screen_views_before_first_purchase",
)
_PLATFORM, _CAMPAIGN, _SUBSCRIBER, _HOUR, _UNUSED = (
    "operating_system_of_the_device",
    "acquisition_campaign_of_the_install",
    "has_active_premium_subscription",
    "hour_of_day_of_the_completed_order",
    "not_used_by_the_formula_at_all",
)
TARGET = "revenue_of_the_completed_order_in_euros"
FIRST, SECOND = _NUMBERS[:2]
CHALLENGER = f"{TARGET} ~ {FIRST} + {SECOND}"
CATEGORY, BOOLEAN, UNUSED = _PLATFORM, _SUBSCRIBER, _UNUSED
PLATFORMS = ["iOS", "Android", "HarmonyOS of the newest generation"]


def model() -> str:
    """The model file."""
    terms = [
        *_NUMBERS,
        _SUBSCRIBER,
        _HOUR,
        _PLATFORM,
        _CAMPAIGN,
        *(f"{name}:{_PLATFORM}" for name in _NUMBERS[:3]),
        *(f"log1p({name})" for name in _NUMBERS[:3]),
    ]
    lines = [f'formula = "{TARGET} ~ {" + ".join(terms)}"', f'challengers = ["{CHALLENGER}"]']
    lines += [f"[fields.{name}]" for name in (TARGET, *_NUMBERS, _UNUSED)]
    for name, levels in ((_PLATFORM, PLATFORMS), (_CAMPAIGN, MANY_LEVELS)):
        lines += [f"[fields.{name}]", 'type = "category"', f"levels = {json.dumps(levels)}"]
    lines += [f"[fields.{_SUBSCRIBER}]", 'type = "boolean"']
    lines += [f"[fields.{_HOUR}]", 'type = "time"', 'part = "hour"']
    return "\n".join(lines)


def events(seed: int = 1) -> list[dict[str, Any]]:
    """As many events as are learned; one has a number and a target far out."""
    random = Random(seed)  # noqa: S311 - no secret
    made = []
    for number in range(EVENTS):
        numbers = {name: round(random.expovariate(0.02), 2) for name in (*_NUMBERS, _UNUSED)}
        platform = random.choice(PLATFORMS)
        revenue = 20 + 0.1 * numbers[FIRST] + 5 * math.log1p(numbers[SECOND])
        event = {
            **numbers,
            _PLATFORM: platform,
            _CAMPAIGN: random.choice(MANY_LEVELS),
            _SUBSCRIBER: random.random() < 0.3,
            _HOUR: f"2026-11-{1 + number % 28:02}T{random.randrange(24):02}:00:00Z",
            TARGET: revenue + 15 * PLATFORMS.index(platform) + random.gauss(0, 4),
        }
        made.append(event)
    made[EVENTS // 2] |= {FIRST: OUTLIER, TARGET: 20 + 0.1 * OUTLIER}
    return made
