"""Worlds for the tests: each an application of its own on the session's Kafka."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

with warnings.catch_warnings():
    # kafka-python 3.0 reads its schemas by a function that Python 3.11 deprecates; it happens once,
    # when it is imported, and is no warning about anything of ours.
    warnings.simplefilter("ignore", DeprecationWarning)
    from chaos.world import World

Make = Callable[..., World]


@pytest.fixture
def make(kafka: str, tmp_path: Path) -> Iterator[Make]:
    """Make a world: ``make(partitions=2, FORMULA="sales ~ radio")``; its events topic exists."""
    with ExitStack() as stack:

        def made(servers: str = kafka, partitions: int = 4, **environment: str) -> World:
            world = World(servers, tmp_path, partitions, environment)
            stack.callback(world.close)
            return world.begin()

        yield made
