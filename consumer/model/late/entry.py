"""What is remembered of one event; a value."""

from enum import IntEnum

import msgspec


class Status(IntEnum):
    """What became of an event."""

    SEEN = 0
    """It never waited."""
    WAITING = 1
    MATCHED = 2
    EXPIRED = 3


class Entry(msgspec.Struct, frozen=True, gc=False):
    """What is remembered of an event.

    Attributes:
        offset: Its place in the log.
        time_ms: The partition's time at that place, milliseconds since the epoch.
        payload: A digest of its content, 64 bits, unsigned.
        status: What became of it.
        label: A digest of its label's value, 64 bits, unsigned; 0 before.
        prediction: What the model said at the event's place; NaN before, and once it is settled.
    """

    offset: int
    time_ms: int
    payload: int
    status: Status
    label: int
    prediction: float
