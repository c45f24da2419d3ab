"""What a test does again and again beside all else."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def every(seconds: float, act: Callable[[], object]) -> Iterator[None]:
    """Do it so often until the end; what it raises is raised there.

    Args:
        seconds: Between two times.
        act: What is done, in a thread of its own.
    """
    end, deaths = threading.Event(), list[BaseException]()

    def run() -> None:
        try:
            while not end.wait(seconds):
                act()
        except BaseException as death:  # noqa: BLE001 - raised below
            deaths.append(death)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()
    if deaths:
        raise deaths[0]
