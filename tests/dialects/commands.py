"""The examples' commands, as their reader would run them."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterable
from pathlib import Path

CLIENTS = Path(__file__).parents[2] / "examples" / "clients"
SECONDS = 600  # a machine that has nothing yet downloads it all

KCAT = [["kcat", "-V"], ["./ask.sh"]]
MVN = ["mvn", "--batch-mode", "--no-transfer-progress", "--quiet"]
QUARKUS = [[*MVN, "package"], ["java", "-jar", "target/quarkus-app/quarkus-run.jar"]]


def missing(commands: Iterable[list[str]]) -> str:
    """The programs that are not installed; nothing if all are."""
    programs = {command[0] for command in commands}
    absent = [it for it in programs if "/" not in it and shutil.which(it) is None]
    return ", ".join(sorted(absent))


def run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    """What a command prints; it and all that it started end in time, with exit code 0."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=SECONDS)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    assert process.returncode == 0, output
    return output
