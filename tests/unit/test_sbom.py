"""The bill of materials is of what runs: all of it, and no tool of ours."""

import re
from importlib.metadata import requires

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.sbom import ROOT, runs

LOCK = (ROOT / "requirements.lock").read_text()
PROJECT = (ROOT / "pyproject.toml").read_text()
NAMES = set(re.findall(r"^([^\s=]+)==", runs(LOCK, PROJECT), re.MULTILINE))


def needed(name: str, extras: frozenset[str] = frozenset()) -> set[str]:
    """What the installed package needs here, by its own metadata, through and through."""
    found: set[str] = set()
    for line in requires(name) or []:
        one = Requirement(line)
        marker = one.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras or [""]):
            found |= {canonicalize_name(one.name)} | needed(one.name, frozenset(one.extras))
    return found


def test_all_that_is_installed_to_run_is_in_it_with_its_hashes() -> None:
    assert needed("riverline") >= {"river", "kafka-python", "lz4", "zstandard", "numpy"}
    assert needed("riverline") <= NAMES
    blocks = re.split(r"^(?=\S+==)", runs(LOCK, PROJECT), flags=re.MULTILINE)[1:]
    assert len(blocks) == len(NAMES)
    assert all("--hash=sha256:" in block for block in blocks)


def test_what_tests_and_develops_is_not_in_it() -> None:
    assert not NAMES & {
        "pytest",
        "mypy",
        "ruff",
        "hypothesis",
        "jgo",
        "confluent-kafka",
        "pip-tools",
    }
    assert needed("riverline") == NAMES
