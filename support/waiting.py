"""Waiting for a condition, never for a time."""

from collections.abc import Callable
from time import monotonic, sleep


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for a condition.

    Raises:
        TimeoutError: It does not hold within these seconds.
    """
    deadline = monotonic() + seconds
    while not condition():
        if monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s")
        sleep(0.02)
