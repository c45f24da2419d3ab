"""Secrets in files: NAME_FILE names the file instead of NAME."""

from collections.abc import Iterable, Mapping
from pathlib import Path


def read_secrets(
    environ: Mapping[str, str], secrets: Iterable[str]
) -> tuple[dict[str, str], list[str]]:
    """The secrets in files, without their last newline; and a line for each file at fault.

    Args:
        environ: The environment.
        secrets: The variables that may be in files.
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
            text = environ.get(name) or "?"  # it was meant to be given
        found[name] = text.removesuffix("\n").removesuffix("\r")
    return found, faults
