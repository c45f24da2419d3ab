"""Each example runs as its reader would run it: the real client, unmodified, gets its answers."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

CLIENTS = Path(__file__).parents[2] / "examples" / "clients"
ENVELOPE = str(Path(__file__).with_name("faust_envelope.py"))
SECONDS = 600  # a machine that has nothing yet downloads it all

NPM = [["npm", "ci", "--no-fund", "--no-audit"], ["npm", "start", "--silent"]]
MVN = ["mvn", "--batch-mode", "--no-transfer-progress", "--quiet"]
PYTHON = ".venv/bin/python"
VENV = [
    [sys.executable, "-m", "venv", ".venv"],
    [PYTHON, "-m", "pip", "install", "--quiet", "-r", "requirements.txt"],
]

QUICK = {
    "python": [[sys.executable, "ask.py"]],
    "kcat": [["kcat", "-V"], ["./ask.sh"]],
}
SLOW = {
    "node": NPM,
    "nestjs": NPM,
    "faststream": [*VENV, [PYTHON, "ask.py"]],
    "faust": [*VENV, [PYTHON, "ask.py", "ask"]],
    "faust, all in an envelope": [*VENV, [PYTHON, ENVELOPE, "ask"]],
    "spring": [[*MVN, "compile", "exec:java"]],
    "quarkus": [[*MVN, "package"], ["java", "-jar", "target/quarkus-app/quarkus-run.jar"]],
}


@pytest.mark.parametrize(
    "client", [*QUICK, *(pytest.param(client, marks=pytest.mark.slow) for client in SLOW)]
)
def test_a_real_client_gets_the_reference_prediction_and_a_proper_error(
    client: str, environment: dict[str, str]
) -> None:
    commands = (QUICK | SLOW)[client]
    for program in {command[0] for command in commands}:
        if "/" not in program and shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    for command in commands:
        output = run(command, CLIENTS / client.partition(",")[0], environment)
    (prediction,) = re.findall(r"prediction\W+([\d.]+)", output)
    assert float(prediction) == pytest.approx(9.409425570778684, abs=1e-3)
    assert "not-a-number" in output
    assert "tv is a string; a number is due" in output


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
