"""The consumer's tree stays one that can be read: small modules, small folders, few floors."""

from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from statistics import median

import grimp
import pytest

ROOT = Path(__file__).parents[2]
CONSUMER = ROOT / "consumer"
MODULES = sorted(CONSUMER.rglob("*.py"))
FOLDERS = sorted({module.parent for module in MODULES})
MOST_LINES, MEDIAN_LINES, MOST_IN_A_FOLDER, MOST_FLOORS = 250, 120, 12, 9


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def lines(module: Path) -> int:
    return len(module.read_text().splitlines())


@cache
def imports() -> grimp.ImportGraph:
    return grimp.build_graph("consumer", cache_dir=None)


def between(folder: Path) -> dict[str, set[str]]:
    """What each module or folder in this folder imports of those beside it, ``__main__`` apart."""
    package = named(folder).replace("/", ".")
    children = imports().find_children(package) - {"consumer.__main__"}  # it stands before them
    inside = {it: {it, *imports().find_descendants(it)} for it in children}
    told = {it: set().union(*map(imported, inside[it])) for it in children}
    return {it: {other for other in children - {it} if told[it] & inside[other]} for it in children}


def imported(module: str) -> set[str]:
    return imports().find_modules_directly_imported_by(module)


def floors(above: dict[str, set[str]]) -> int:
    """How many stand on each other at most.

    Raises:
        CycleError: There is no order in which none imports one above it.
    """
    height: dict[str, int] = {}
    for name in TopologicalSorter(above).static_order():
        height[name] = 1 + max((height[other] for other in above[name]), default=0)
    return max(height.values(), default=0)


def test_there_are_modules_to_look_at() -> None:
    assert len(MODULES) > 50
    assert CONSUMER in FOLDERS


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_a_module_is_short(module: Path) -> None:
    assert lines(module) <= MOST_LINES


def test_most_modules_are_shorter_still() -> None:
    assert (
        median(lines(module) for module in MODULES if module.name != "__init__.py") < MEDIAN_LINES
    )


@pytest.mark.parametrize("folder", FOLDERS, ids=named)
def test_a_folder_is_seen_at_a_glance(folder: Path) -> None:
    modules = [it.name for it in folder.glob("*.py") if it.name != "__init__.py"]
    assert len(modules) <= MOST_IN_A_FOLDER


@pytest.mark.parametrize("folder", FOLDERS, ids=named)
def test_in_a_folder_no_import_leads_up_and_the_floors_are_few(folder: Path) -> None:
    assert floors(between(folder)) <= MOST_FLOORS


def test_a_circle_would_be_found_and_floors_are_counted() -> None:
    assert floors({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == 3
    with pytest.raises(CycleError):
        floors({"a": {"b"}, "b": {"a"}})


def test_what_the_rooms_import_of_each_other_is_seen() -> None:
    assert "consumer.model" in between(CONSUMER)["consumer.learn"]
