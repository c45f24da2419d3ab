"""How a function of the service is replaced by another, or by a death."""

import os
import signal
from collections.abc import Callable
from itertools import count
from typing import Any, NoReturn

Anything = Any
Function = Callable[..., Anything]


def die() -> NoReturn:
    """As by ``kill -9``: nothing of the process runs any more."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


def wrap(owner: object, name: str, around: Callable[..., Anything]) -> None:
    """Replace a function by ``around(real, *its arguments)``."""
    real: Function = getattr(owner, name)

    def wrapped(*args: Anything, **kwargs: Anything) -> Anything:
        return around(real, *args, **kwargs)

    setattr(owner, name, wrapped)


def dies_before(owner: object, name: str, call: int) -> None:
    calls = count(1)

    def around(real: Function, *args: Anything, **kwargs: Anything) -> Anything:
        if next(calls) == call:
            die()
        return real(*args, **kwargs)

    wrap(owner, name, around)


def dies_after(
    owner: object, name: str, call: int, counts: Callable[[Anything], bool] = lambda _: True
) -> None:
    """Of the calls whose results count, at the end of this one."""
    calls = count(1)

    def around(real: Function, *args: Anything, **kwargs: Anything) -> Anything:
        result = real(*args, **kwargs)
        if counts(result) and next(calls) == call:
            die()
        return result

    wrap(owner, name, around)
