"""Events that `python -m producer` sends, in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

PRODUCER = (sys.executable, "-m", "producer")


def send_simulated(environment: Mapping[str, str], count: int, *options: str) -> None:
    """Send so many made-up events; all are acknowledged when this returns.

    Raises:
        CalledProcessError: They are not.
    """
    _run(environment, "simulate", "--count", str(count), *options)


def send_csv(environment: Mapping[str, str], file: Path) -> None:
    """Send the rows of a file; all are acknowledged when this returns.

    Raises:
        CalledProcessError: They are not.
    """
    _run(environment, "csv", str(file))


@contextmanager
def simulated(
    environment: Mapping[str, str], count: int, *options: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Made-up events stream in meanwhile, this many at most; those that are left are not sent."""
    process = subprocess.Popen(
        [*PRODUCER, "simulate", "--count", str(count), *options],
        env={**os.environ, **environment},
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _run(environment: Mapping[str, str], *arguments: str) -> None:
    subprocess.run(
        [*PRODUCER, *arguments],
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
    )
