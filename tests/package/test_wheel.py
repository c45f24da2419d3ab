"""The wheel, installed outside the tree: one import package, commands, schemas and examples."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from deploy.wheel import renamed

ROOT = Path(__file__).parents[2]
COMMANDS = ("riverline-consumer", "riverline-producer", "riverline-broker")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as pip builds it."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(ROOT)], check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands' folder of an environment with the wheel and the packages of this one.

    Those are named by a path alone, so that the editable installation in them is not followed.
    """
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=False)
    (packages,) = folder.glob("lib/python*/site-packages")
    target = ["--prefix", str(folder), "--no-deps", "--quiet", str(wheel)]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--ignore-installed", *target], check=True
    )
    (packages / "tested.pth").write_text(sysconfig.get_path("purelib") + "\n")
    commands = folder / "bin"
    for script in COMMANDS:  # written for the interpreter that ran pip
        text = (commands / script).read_text().splitlines()
        (commands / script).write_text("\n".join([f"#!{commands / 'python'}", *text[1:]]) + "\n")
    return commands


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command of that folder, outside the tree."""
    environment = {name: it for name, it in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [str(folder / command[0]), *command[1:]],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_it_has_one_import_package(wheel: Path) -> None:
    names = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {name for name in names if not name.endswith(".dist-info")} == {"riverline"}


@pytest.mark.parametrize("part", ["contract", "broker", "consumer", "producer"])
def test_no_part_is_installed_under_its_short_name(installed: Path, part: str) -> None:
    ran = run(installed, "python", "-c", f"import {part}")
    assert ran.returncode == 1
    assert f"No module named '{part}'" in ran.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_tells_its_version_and_its_options(installed: Path, command: str) -> None:
    version = run(installed, command, "--version")
    assert (version.returncode, version.stdout[:10]) == (0, "riverline "), version.stderr
    usage = run(installed, command, "--help")
    assert usage.returncode == 0, usage.stderr
    assert f"Usage: {command}" in usage.stdout


def test_the_schemas_and_examples_are_in_it(installed: Path) -> None:
    program = (
        "from riverline.contract.schemas import SCHEMA_NAMES, load_schema\n"
        "from riverline.contract.examples import load_events, load_replies, load_requests\n"
        "assert all(load_schema(name)['$id'] for name in SCHEMA_NAMES)\n"
        "assert load_events() and load_replies() and load_requests()\n"
    )
    ran = run(installed, "python", "-c", program)
    assert ran.returncode == 0, ran.stderr


def test_a_module_is_the_same_but_for_the_names_of_the_parts() -> None:
    source = "from consumer.model import Model\nfrom consumers import x\nimport os\n"
    expected = source.replace("from consumer.", "from riverline.consumer.")
    assert renamed(source, Path("it.py")) == expected
    with pytest.raises(ValueError, match="import contract"):
        renamed("import contract\n", Path("it.py"))
