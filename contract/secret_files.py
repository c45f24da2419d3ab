"""Secrets that are in files: NAME_FILE names the file in place of NAME."""

from collections.abc import Iterable, Mapping
from pathlib import Path


def read_secrets(
    environ: Mapping[str, str], secrets: Iterable[str]
) -> tuple[dict[str, str], list[str]]:
    """The secrets that are in files, less their last newline; a line for each file at fault.

    Args:
        environ: The environment.
        secrets: The variables that may be given so.
    """
    found: dict[str, str] = {}
    faults: list[str] = []
    for name in secrets:
        path = environ.get(f"{name}_FILE")
        if not path:
            continue
        if environ.get(name):
            faults.append(f"{name}_FILE: {name} is given too")
        try:
            text = Path(path).read_text()
        except (OSError, UnicodeDecodeError):
            faults.append(f"{name}_FILE: names a file that cannot be read")
            text = environ.get(name) or "?"  # it is meant to be there
        found[name] = text.removesuffix("\n").removesuffix("\r")
    return found, faults
