"""Waits on sockets that end and begin again, and bytes that are read and written."""

import socket
from collections.abc import Iterator
from selectors import EVENT_READ, EVENT_WRITE
from time import monotonic
from types import SimpleNamespace
from typing import Any

import pytest
from kafka.errors import KafkaConnectionError

from consumer.client.internals.sockets import PIECE_BYTES, Selector, receive

Pair = tuple[socket.socket, socket.socket]
READER, ANOTHER = object(), object()


@pytest.fixture
def selector() -> Iterator[Selector]:
    with Selector() as selector:
        yield selector


@pytest.fixture
def pair() -> Iterator[Pair]:
    here, there = socket.socketpair()
    here.setblocking(False)  # noqa: FBT003 - the socket module's own
    with here, there:
        yield here, there


def waiting(selector: Selector, seconds: float = 0.0) -> list[tuple[object, int]]:
    return [(key.data, events) for key, events in selector.select(seconds)]


def test_a_wait_that_ends_and_begins_again_sees_what_came_between(
    selector: Selector, pair: Pair
) -> None:
    here, there = pair
    for wait in range(3):
        selector.register(here, EVENT_READ, READER)
        assert selector.get_key(here).data is READER
        assert waiting(selector) == []
        there.send(b"%d" % wait)
        assert waiting(selector, 1) == [(READER, EVENT_READ)]
        selector.unregister(here)
        assert here.recv(9) == b"%d" % wait


def test_who_does_not_wait_is_not_known(selector: Selector, pair: Pair) -> None:
    here, there = pair
    with pytest.raises(KeyError):
        selector.get_key(here)
    selector.register(here, EVENT_READ, READER)
    selector.unregister(here)
    with pytest.raises(KeyError):
        selector.get_key(here)
    with pytest.raises(KeyError):
        selector.unregister(here)
    with pytest.raises(KeyError):
        selector.unregister(there)


def test_what_nobody_waits_for_wakes_nobody_twice(selector: Selector, pair: Pair) -> None:
    here, there = pair
    selector.register(here, EVENT_READ, READER)
    selector.unregister(here)
    there.send(b"x")
    assert waiting(selector, 1) == []  # at once: the registration that was left is let go of
    started = monotonic()
    assert waiting(selector, 0.05) == []
    assert monotonic() - started >= 0.05
    selector.register(here, EVENT_READ, ANOTHER)
    assert waiting(selector, 1) == [(ANOTHER, EVENT_READ)]


def test_a_wait_may_be_for_something_else_the_next_time(selector: Selector, pair: Pair) -> None:
    here, _ = pair
    selector.register(here, EVENT_READ, READER)
    selector.unregister(here)
    selector.register(here, EVENT_WRITE, ANOTHER)
    assert waiting(selector, 1) == [(ANOTHER, EVENT_WRITE)]
    selector.modify(here, EVENT_READ | EVENT_WRITE, READER)
    assert waiting(selector, 1) == [(READER, EVENT_WRITE)]


def test_a_closed_socket_leaves_its_number_to_the_next(selector: Selector) -> None:
    for _ in range(3):
        here, there = socket.socketpair()
        selector.register(here, EVENT_READ, READER)
        assert waiting(selector) == []
        selector.unregister(here)
        number = here.fileno()
        here.close()
        there.close()
        with pytest.raises((KeyError, ValueError)):
            selector.get_key(here)
        again, other = socket.socketpair()
        with again, other:
            assert again.fileno() == number
            selector.register(again, EVENT_READ, ANOTHER)
            other.send(b"x")
            assert waiting(selector, 1) == [(ANOTHER, EVENT_READ)]
            selector.unregister(again)


def received(here: socket.socket) -> tuple[bytes, KafkaConnectionError | None]:
    transport: Any = SimpleNamespace(_sock=here)
    return receive(transport)


@pytest.mark.parametrize("size", [1, 1000, PIECE_BYTES, PIECE_BYTES + 1])
def test_all_that_is_there_is_read(pair: Pair, size: int) -> None:
    here, there = pair
    there.sendall(b"x" * size)
    assert received(here) == (b"x" * size, None)
    assert received(here) == (b"", None)


def test_the_end_is_told_after_what_came_before_it(pair: Pair) -> None:
    here, there = pair
    there.sendall(b"last words")
    there.close()
    assert received(here) == (b"last words", None)
    nothing, why = received(here)
    assert nothing == b""
    assert isinstance(why, KafkaConnectionError)
