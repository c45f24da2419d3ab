"""Each example runs as its reader would run it: the real client, unmodified, gets its answers."""

import re
import sys
from pathlib import Path

import pytest

from dialects.commands import CLIENTS, KCAT, MVN, QUARKUS, missing, run

ENVELOPE = str(Path(__file__).with_name("faust_envelope.py"))

NPM = [["npm", "ci", "--no-fund", "--no-audit"], ["npm", "start", "--silent"]]
PYTHON = ".venv/bin/python"
VENV = [
    [sys.executable, "-m", "venv", ".venv"],
    [PYTHON, "-m", "pip", "install", "--quiet", "-r", "requirements.txt"],
]

QUICK = {
    "python": [[sys.executable, "ask.py"]],
    "kcat": KCAT,
}
SLOW = {
    "node": NPM,
    "nestjs": NPM,
    "faststream": [*VENV, [PYTHON, "ask.py"]],
    "faust": [*VENV, [PYTHON, "ask.py", "ask"]],
    "faust, all in an envelope": [*VENV, [PYTHON, ENVELOPE, "ask"]],
    "spring": [[*MVN, "compile", "exec:java"]],
    "quarkus": QUARKUS,
}

A_WHILE = pytest.mark.slow(seconds=30)


@pytest.mark.parametrize(
    "client",
    [*QUICK, *(pytest.param(client, marks=A_WHILE) for client in SLOW)],
)
def test_a_real_client_gets_the_reference_prediction_and_a_proper_error(
    client: str, environment: dict[str, str]
) -> None:
    commands = (QUICK | SLOW)[client]
    if absent := missing(commands):
        pytest.skip(f"not installed: {absent}")
    for command in commands:
        output = run(command, CLIENTS / client.partition(",")[0], environment)
    (prediction,) = re.findall(r"prediction\W+([\d.]+)", output)
    assert float(prediction) == pytest.approx(9.409425570778684, abs=1e-3)
    assert "not-a-number" in output
    assert "tv: expected a number, got a string" in output
