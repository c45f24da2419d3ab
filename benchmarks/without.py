"""The service without one of its short cuts: WITHOUT=NAME python -m without.

For `shortcuts.py`, which measures what each of them buys.
"""

import os
import selectors
from collections.abc import Callable, Iterable

from consumer.__main__ import cli
from consumer.client import connections, fast_path
from consumer.client.internals.sockets import FastTCP, FastTLS, Selector


def _remove(kind: type, *names: str) -> None:
    """Have a class do as its base does."""
    for name in names:
        delattr(kind, name)


def _serve() -> None:
    fast_path.FastPath.take = fast_path.PublicPath.take  # type: ignore[method-assign,assignment]


def _direct() -> None:
    fast_path.FastPath.direct = fast_path.PublicPath.direct  # type: ignore[method-assign,assignment]


def _selector() -> None:
    _remove(Selector, "get_key", "register", "unregister", "select")
    assert Selector.select is selectors.DefaultSelector.select  # noqa: S101 - else nothing is measured


def _sockets() -> None:
    _remove(FastTCP, "_sock_recv", "write")
    _remove(FastTLS, "_sock_recv")


def _turn() -> None:
    fast_path.FastPath.prepare = fast_path.PublicPath.prepare  # type: ignore[method-assign,assignment]


def _precedence() -> None:
    fast_path.FastPath.options_of_requests = (  # type: ignore[method-assign]
        fast_path.PublicPath.options_of_requests  # type: ignore[assignment]
    )


def _wakeup() -> None:
    fast_path.FastPath.together = fast_path.PublicPath.together  # type: ignore[method-assign,assignment]


def _unpacking() -> None:
    def as_it_is(_consumer: object) -> None:
        """Leave kafka-python's own."""

    setattr(connections, "unpack_with", as_it_is)  # noqa: B010 - imported there, not exported


def _nothing() -> None:
    """All of them are there."""


def _all() -> None:
    os.environ["FAST_PATH"] = "off"


WITHOUT: dict[str, Callable[[], None]] = {
    "nothing": _nothing,
    "serve": _serve,
    "direct producer": _direct,
    "serve and direct producer": lambda: _each((_serve, _direct)),
    "selector": _selector,
    "sockets": _sockets,
    "spare turn": _turn,
    "precedence": _precedence,
    "one wake-up": _wakeup,
    "own unpacking": _unpacking,
    "all (FAST_PATH=off)": _all,
}


def _each(parts: Iterable[Callable[[], None]]) -> None:
    for part in parts:
        part()


if __name__ == "__main__":
    WITHOUT[os.environ["WITHOUT"]]()
    cli()
