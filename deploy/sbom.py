"""Bills of materials of what runs: `make sbom` writes them to `sbom/`.

CycloneDX, from the locks alone, with the hashes that an installation is held to; each is checked
against CycloneDX's schema.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT: Final = Path(__file__).parents[1]
BILLS: Final = ROOT / "sbom"


def main() -> None:
    """Write both; an exception where one cannot be made, or is none."""
    BILLS.mkdir(exist_ok=True)
    lock = (ROOT / "requirements-run.lock").read_text()
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


def write(name: str, bill: str) -> None:
    """Keep a bill of materials that is one."""
    document = json.loads(bill)
    version = document["specVersion"]
    if error := JsonStrictValidator(SchemaVersion.from_version(version)).validate_str(bill):
        sys.exit(f"{name}: no valid bill of materials: {error}")
    (BILLS / f"{name}.json").write_text(bill)
    print(f"sbom/{name}.json: CycloneDX {version}, {len(document['components'])} packages")


if __name__ == "__main__":
    main()
