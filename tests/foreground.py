"""`python -m broker` in a process of its own, and what becomes of it and of its Java."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.waiting import wait_until

ROOT = Path(__file__).parents[1]


@contextmanager
def command(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """`python -m broker` in a process group of its own; killed at the end if it still runs."""
    with subprocess.Popen(
        [sys.executable, "-m", "broker", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def ready(process: subprocess.Popen[str]) -> str:
    """Wait for the ready line; the bootstrap servers in it."""
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    assert line.startswith("ready 127.0.0.1:"), line or process.stderr.read()
    return line.removeprefix("ready ").strip()


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for the end; the exit code and the standard error."""
    _output, told = process.communicate(timeout=60)
    return process.returncode, told


def javas_of(process: subprocess.Popen[str]) -> list[int]:
    """The process ids of the command's children, all of them brokers."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    javas = [pid for pid in pids if state_and_parent(pid)[1] == process.pid]
    assert all(b"kafka.Kafka" in Path(f"/proc/{java}/cmdline").read_bytes() for java in javas)
    return javas


def is_gone(pid: int) -> bool:
    """Whether the process ends soon (an orphan may stay a zombie where nobody reaps it)."""
    try:
        wait_until(lambda: state_and_parent(pid)[0] in "XZ", 20)
    except TimeoutError:
        return False
    return True


def state_and_parent(pid: int) -> tuple[str, int]:
    """A process's state (X: there is none) and its parent's id: /proc/PID/stat, proc(5)."""
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except (FileNotFoundError, ProcessLookupError):
        return "X", 0
    return state, int(parent)
