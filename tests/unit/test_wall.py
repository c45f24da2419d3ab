"""Private parts of kafka-python: used behind the wall alone, and known by name and signature."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import kafka
import pytest
from kafka.consumer.fetcher import Fetcher
from kafka.coordinator.consumer import ConsumerCoordinator

from consumer.client.internals import UnknownClientError, check_kafka_python
from contract.internals.parts import VERSION, check

ROOT = Path(__file__).parents[2]
WALLS = (ROOT / "consumer/client/internals", ROOT / "contract/internals")
PRIVATE = (
    "kafka.cluster",
    "kafka.consumer.",
    "kafka.coordinator.base",
    "kafka.coordinator.consumer",
    "kafka.coordinator.heartbeat",
    "kafka.future",
    "kafka.net",
    "kafka.producer.",
    "kafka.protocol",
    "kafka.record",
    "kafka.util",
)
BY_NAME = ("getattr", "setattr", "hasattr", "delattr")
OTHERS = {
    "consumer/app.py": {"_exit"},  # os._exit
    "contract/tls.py": {"_ssl", "_test_decode_cert"},  # of Python, which has no public one
}


def modules() -> Iterator[Path]:
    for part in ("consumer", "contract", "producer"):
        for path in sorted((ROOT / part).rglob("*.py")):
            river = "estimators" in path.parts  # river's private arrays: a wall of its own
            if not river and not any(path.is_relative_to(wall) for wall in WALLS):
                yield path


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def private_attributes(tree: ast.AST) -> Iterator[str]:
    """Of anything but ``self`` and ``cls``; by name as well: ``getattr(consumer, "_net")``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            if node.attr.startswith("_") and not node.attr.startswith("__") and not own:
                yield node.attr
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in BY_NAME:
            names = (it.value for it in node.args if isinstance(it, ast.Constant))
            yield from (it for it in names if isinstance(it, str) and it.startswith("_"))


def its_own(tree: ast.AST) -> Iterator[str]:
    """The private names of a module's own classes, which may touch those of another instance."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id in ("self", "cls"):
                yield node.attr
        elif isinstance(node, ast.FunctionDef):
            yield node.name


def test_no_module_outside_the_wall_touches_a_private_part() -> None:
    found: dict[str, set[str]] = {}
    for path in modules():
        tree, name = ast.parse(path.read_text()), str(path.relative_to(ROOT))
        found[name] = {it for it in imported(tree) if it.startswith(PRIVATE)}
        private = set(private_attributes(tree)) - set(its_own(tree))
        found[name] |= private - OTHERS.get(name, set())
    assert len(found) > 100
    assert {name: parts for name, parts in found.items() if parts} == {}


@pytest.mark.parametrize(
    "source",
    [
        "from kafka.net.manager import KafkaConnectionManager",
        "from kafka.consumer.fetcher import Fetcher",
        "import kafka.protocol.parser",
        "from kafka.record import util",
    ],
)
def test_what_would_be_found_is_a_private_import(source: str) -> None:
    assert any(name.startswith(PRIVATE) for name in imported(ast.parse(source)))


@pytest.mark.parametrize("source", ["consumer._net.run()", 'getattr(consumer, "_net")', "x._y = 1"])
def test_what_would_be_found_is_a_private_attribute(source: str) -> None:
    assert len(list(private_attributes(ast.parse(source)))) == 1


def test_the_locked_version_is_accepted() -> None:
    check_kafka_python()
    assert f'zstd]=={VERSION}"' in (ROOT / "pyproject.toml").read_text()
    assert f"\nkafka-python=={VERSION} " in (ROOT / "requirements.lock").read_text()


def test_every_fault_is_named_in_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka, "__version__", "3.0.13")
    monkeypatch.delattr(Fetcher, "_send_fetches_async")

    def stable(self: ConsumerCoordinator, *, really: bool) -> None: ...

    monkeypatch.setattr(ConsumerCoordinator, "stable", stable)
    with pytest.raises(UnknownClientError) as told:
        check_kafka_python()
    headline, *faults = str(told.value).splitlines()
    assert VERSION in headline
    assert faults[0] == "kafka-python: its version is 3.0.13"
    fetches, group = sorted(faults[1:])
    assert fetches == (
        "kafka-python: kafka.consumer.fetcher:Fetcher._send_fetches_async is missing"
    )
    part = "kafka.coordinator.consumer:ConsumerCoordinator.stable"
    assert group.startswith(f"kafka-python: {part}(self) was expected, {part}(self: ")


@pytest.mark.parametrize(
    "part",
    [
        "kafka.net.managers:KafkaConnectionManager",
        "kafka.net.manager:ConnectionManager",
        "kafka.consumer.group:KafkaConsumer._network",
        "kafka.record.default_records:DefaultRecordBatch._bytes",
    ],
    ids=["module", "class", "attribute that a method sets", "slot"],
)
def test_a_renamed_part_is_named(part: str) -> None:
    with pytest.raises(UnknownClientError, match=f"{part} is missing"):
        check({part: ""})


RENAMED = """
import sys
from importlib.abc import MetaPathFinder

class Renamed(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Renamed())
"""


@pytest.mark.parametrize(
    ("site", "fault"),
    [
        pytest.param(
            'import kafka\nkafka.__version__ = "3.0.13"',
            "its version is 3.0.13",
            id="another version",
        ),
        pytest.param(
            "import kafka.net.manager as it\ndel it.KafkaConnectionManager",
            "kafka.net.manager:KafkaConnectionManager._connect is missing",
            id="a class is renamed",
        ),
        pytest.param(
            RENAMED.format(module="kafka.net.transport"),
            "No module named 'kafka.net.transport'",
            id="a module of both sides is renamed",
        ),
        pytest.param(
            RENAMED.format(module="kafka.consumer.fetcher"),
            "No module named 'kafka.consumer.fetcher'",
            id="a module of the service alone is renamed",
        ),
        pytest.param(RENAMED.format(module="kafka"), "No module named 'kafka'", id="missing"),
    ],
)
def test_the_service_does_not_start_with_another_kafka_python(
    tmp_path: Path, site: str, fault: str
) -> None:
    """The exit code is that of unusable settings, and what is wrong is said before it is used."""
    (tmp_path / "sitecustomize.py").write_text(site)
    paths = os.pathsep.join((str(tmp_path), str(ROOT)))
    ended = subprocess.run(
        [sys.executable, "-m", "consumer"],
        env={**os.environ, "PYTHONPATH": paths},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert ended.returncode == 2
    headline, *faults = ended.stderr.splitlines()
    assert headline == f"kafka-python {VERSION} is expected: install what requirements.lock names"
    assert f"kafka-python: {fault}" in faults
    assert all(it.startswith("kafka-python: ") for it in faults)
