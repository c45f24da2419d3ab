"""Bills of materials of what runs: `make sbom` writes them to `sbom/`.

CycloneDX, from the locks alone, with the hashes that an installation is held to; each is checked
against CycloneDX's schema.
"""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
BILLS: Final = ROOT / "sbom"

BLOCK: Final = re.compile(r"^([a-z0-9][a-z0-9._-]*)==.*\n(?:[ \t]+.*\n)*", re.MULTILINE)
VIA: Final = re.compile(r"^ +# (?:via)? +(\S+)(.*)$", re.MULTILINE)
NAME: Final = re.compile(r"[A-Za-z0-9._-]+")


def main() -> None:
    """Write both; an exception where one cannot be made, or is none."""
    BILLS.mkdir(exist_ok=True)
    lock = runs((ROOT / "requirements.lock").read_text(), (ROOT / "pyproject.toml").read_text())
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "cyclonedx_py",
        "requirements",
        "--output-reproducible",
    ]
    command += ["--pyproject", str(ROOT / "pyproject.toml"), "-"]
    made = subprocess.run(command, input=lock, stdout=subprocess.PIPE, text=True, check=True)
    write("riverline", made.stdout)
    if (npm := shutil.which("npm")) is None:
        sys.exit("npm is needed for the gateway's bill of materials")
    command = [npm, "sbom", "--sbom-format", "cyclonedx", "--omit", "dev", "--package-lock-only"]
    made = subprocess.run(
        command, cwd=ROOT / "gateway", stdout=subprocess.PIPE, text=True, check=True
    )
    write("gateway", made.stdout)


def runs(lock: str, project: str) -> str:
    """The part of the lock that the project's own dependencies lead to, and no extra does."""
    asked = tomllib.loads(project)["project"]["dependencies"]
    blocks = {match[1]: match[0] for match in BLOCK.finditer(lock)}
    parents = {name: {via[1] for via in VIA.finditer(block)} for name, block in blocks.items()}
    found = {match[0].lower() for one in asked if (match := NAME.match(one))}
    while more := {name for name, above in parents.items() if above & found} - found:
        found |= more
    return "".join(block for name, block in blocks.items() if name in found)


def write(name: str, bill: str) -> None:
    """Keep a bill of materials that is one."""
    from cyclonedx.schema import SchemaVersion  # noqa: PLC0415 - not where `runs` is tested
    from cyclonedx.validation.json import JsonStrictValidator  # noqa: PLC0415

    document = json.loads(bill)
    version = document["specVersion"]
    if error := JsonStrictValidator(SchemaVersion.from_version(version)).validate_str(bill):
        sys.exit(f"{name}: no valid bill of materials: {error}")
    (BILLS / f"{name}.json").write_text(bill)
    print(f"sbom/{name}.json: CycloneDX {version}, {len(document['components'])} packages")


if __name__ == "__main__":
    main()
