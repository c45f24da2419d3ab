"""What kafka-python 3.0.12 leaves to the garbage collector."""

import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def unclosed_sockets() -> Iterator[None]:
    """Nobody is warned of the sockets of connections that failed meanwhile: they are collected."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            yield
        finally:
            gc.collect()
