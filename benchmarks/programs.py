"""Programs of this folder, each in a process of its own: started, listened to, stopped."""

import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen
from threading import Timer
from typing import IO, cast

HERE = Path(__file__).resolve().parent
OURS = Path(sys.executable)
PEERS = Path(sys.prefix) / "peers" / "bin" / "python"
"""The peers' own environment: some of them ask for older packages than ours are."""

LIMIT_SIGNALS = (-signal.SIGKILL, -signal.SIGALRM)


class ContenderError(Exception):
    """A contender could not do its work; the message says why."""


@dataclass(frozen=True, slots=True)
class Program:
    """One that runs.

    Attributes:
        questions: Its standard input.
        answers: Its standard output.
    """

    process: Popen[bytes]
    questions: IO[bytes]
    answers: IO[bytes]
    said: IO[bytes]

    def fault(self) -> ContenderError:
        """Why it ended, once it has."""
        code = self.process.wait()
        if code in LIMIT_SIGNALS:
            return ContenderError("not done in time")
        self.said.seek(0)
        words = self.said.read().decode(errors="replace").strip().splitlines()
        return ContenderError(f"exit code {code}: {words[-1] if words else 'it said nothing'}")


@contextmanager
def running(python: Path, module: str, *arguments: str) -> Iterator[Program]:
    """A module as a program, killed at the end; Ctrl-C comes to us alone.

    Raises:
        ContenderError: Its environment is not there.
    """
    if not python.exists():
        raise ContenderError("not installed: make bench does that")
    command = [str(python), "-m", module, *arguments]
    with (
        tempfile.TemporaryFile() as said,
        Popen(
            command, cwd=HERE, stdin=PIPE, stdout=PIPE, stderr=said, start_new_session=True
        ) as process,
    ):
        questions, answers = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
        try:
            yield Program(process, questions, answers, said)
        finally:
            process.kill()
            with suppress(BrokenPipeError):
                questions.close()


def first_answer(python: Path, module: str, *arguments: str, limit: float) -> bytes:
    """Run a program until it prints a line of JSON.

    Raises:
        ContenderError: It ended before, or did not print one within so many seconds.
    """
    with running(python, module, *arguments) as program:
        timer = Timer(limit, program.process.kill)
        timer.start()
        try:
            for line in program.answers:
                if line.startswith(b"{"):
                    return line
            raise program.fault()
        finally:
            timer.cancel()
