"""python deploy/digests.py: pin the images that we build on and start to what their tags name now.

Each stands as NAME:TAG@DIGEST: people read the tag, Docker goes by the digest. To take a newer one,
change the tag, run this, and look at the difference. Needs docker with buildx, and the network.
"""

import re
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILES = [ROOT / name for name in ("docker-compose.yml", "deploy/Dockerfile", "gateway/Dockerfile")]
PINNED = re.compile(r"(?P<image>[\w./-]+:[\w.-]+)@(?P<digest>sha256:[0-9a-f]{64})")


def main() -> None:
    """Write the digests, and say which have changed."""
    for file in FILES:
        file.write_text(PINNED.sub(_pinned, file.read_text()))


def _pinned(match: re.Match[str]) -> str:
    image, old = match["image"], match["digest"]
    new = digest(image)
    print(f"{image}: {'unchanged' if new == old else f'{old} -> {new}'}")
    return f"{image}@{new}"


@cache
def digest(image: str) -> str:
    """The digest of the index, of all platforms, that the registry has under this tag.

    Raises:
        CalledProcessError: docker could not ask, or there is no such tag.
    """
    command = ["docker", "buildx", "imagetools", "inspect", image]
    ran = subprocess.run(
        [*command, "--format", "{{.Manifest.Digest}}"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return ran.stdout.strip()


if __name__ == "__main__":
    main()
