"""Says that events are refused while it lasts: at once, and then a summary a minute. Pure."""

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from consumer.model import FoldResult

EVERY_SECONDS = 60.0

_QUOTED = re.compile(r""" '(?:[^'\\]|\\.)*' | "(?:[^"\\]|\\.)*" """, re.VERBOSE)
"""What ``repr`` makes of a text."""


@dataclass(slots=True)
class Refusals:
    """What was refused since it was said last.

    Attributes:
        told_at: When it was said last, as ``monotonic`` tells time; None: never.
    """

    told_at: float | None = None
    _events: int = 0
    _reasons: Counter[str] = field(default_factory=Counter)
    _last: dict[str, Any] = field(default_factory=dict)

    def saw(self, partition: int, result: FoldResult, now: float) -> dict[str, Any] | None:
        """What to say now, if anything: how many, their share, by reason, and the last one.

        The last one's sentence is without what it quotes of the event.
        """
        refused = len(result.refused)
        self._events += sum(result.counts().values())
        if refused:
            self._reasons.update(it.why.reason.value for it in result.refused)
            record, why = result.refused[-1].record, result.refused[-1].why
            self._last = {
                "last": _QUOTED.sub("'...'", why.detail),
                "partition": partition,
                "offset": record.offset,
            }
        due = self.told_at is None or now - self.told_at >= EVERY_SECONDS
        if not due or not self._reasons:
            return None
        total = self._reasons.total()
        said = {
            "refused": total,
            "share": round(total / self._events, 4),
            "reasons": dict(self._reasons),
            **self._last,
        }
        self.told_at, self._events = now, 0
        self._reasons.clear()
        return said
