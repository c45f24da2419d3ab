"""Hatchling's build hook: the wheel has one import package, `riverline`, with all parts inside.

In the tree the parts are top-level packages, `consumer` and so on: names too common for everybody's
site-packages. The hook copies them under `riverline/` and puts that before the names they import
each other by; nothing else differs. An editable installation has the tree as it is.
"""

import re
import shutil
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE: Final = "riverline"
PARTS: Final = ("contract", "broker", "consumer", "producer")
IMPORT: Final = re.compile(rf"^(\s*from )({'|'.join(PARTS)})\b", re.MULTILINE)
PLAIN_IMPORT: Final = re.compile(rf"^\s*import ({'|'.join(PARTS)})\b", re.MULTILINE)


class WheelHook(BuildHookInterface):  # type: ignore[type-arg]
    """Puts the parts under `riverline/` in the wheel."""

    _folder: Path | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the renamed tree and have it included."""
        if version == "editable":
            return
        self._folder = Path(mkdtemp(prefix="riverline-wheel-"))
        write(Path(self.root), self._folder)
        build_data["force_include"][str(self._folder)] = PACKAGE

    def finalize(self, _version: str, _build_data: dict[str, Any], _artifact: str) -> None:
        """Remove the renamed tree."""
        if self._folder is not None:
            shutil.rmtree(self._folder)


def write(root: Path, target: Path) -> None:
    """Write the package's files to a folder."""
    for source in (root / PACKAGE, *(root / part for part in PARTS)):
        base = source if source.name == PACKAGE else root
        for file in sorted(source.rglob("*")):
            if file.is_dir() or "__pycache__" in file.parts:
                continue
            copy = target / file.relative_to(base)
            copy.parent.mkdir(parents=True, exist_ok=True)
            if file.suffix == ".py":
                copy.write_text(renamed(file.read_text("utf-8"), file), "utf-8")
            else:
                shutil.copyfile(file, copy)


def renamed(source: str, file: Path) -> str:
    """A module's text with the parts imported from `riverline`.

    Raises:
        ValueError: It imports a part in a way that would bind another name when renamed.
    """
    if found := PLAIN_IMPORT.search(source):
        raise ValueError(f"{file}: expected `from ... import`, found `{found[0].strip()}`")
    return IMPORT.sub(rf"\1{PACKAGE}.\2", source)
