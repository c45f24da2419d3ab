"""Facts about the machine, without which figures say nothing."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import orjson

from broker.distribution import KAFKA_VERSION
from programs import HERE, PEERS
from results import Machine

ROOT = HERE.parent
OURS = ("river", "numpy", "scipy", "orjson", "kafka-python", "confluent-kafka")
THEIRS = (
    *("river", "numpy", "scipy", "orjson"),
    *("aiokafka", "bytewax", "faust-streaming", "faststream", "quixstreams", "zerorpc"),
)

_ASK = """
import json, sys
from importlib.metadata import distributions
found = {d.name.lower(): d.version for d in distributions()}
print(json.dumps({name: found[name] for name in sys.argv[1:] if name in found}))
"""


class UnevenError(Exception):
    """The contenders would not do the same work."""


def machine() -> Machine:
    """This one, now.

    Raises:
        UnevenError: The peers' river, numpy, scipy or orjson is another version than ours.
    """
    ours = {name: version(name) for name in OURS}
    theirs = _peers_versions()
    uneven = [name for name in ours.keys() & theirs.keys() if ours[name] != theirs[name]]
    if uneven:
        name = uneven[0]
        raise UnevenError(
            f"{name} is {ours[name]} here and {theirs[name]} with the peers: make lock evens that"
        )
    return Machine(
        cpu=_cpu(),
        cores=os.cpu_count() or 0,
        memory_gb=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        kafka=KAFKA_VERSION,
        commit=_commit(),
        load=round(os.getloadavg()[0], 2),
        versions=ours | theirs,
    )


def today() -> str:
    """The date and minute, UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _peers_versions() -> dict[str, str]:
    if not PEERS.exists():
        return {}
    asked = subprocess.run(
        [PEERS, "-c", _ASK, *THEIRS], capture_output=True, check=True, timeout=60
    )
    found: dict[str, str] = orjson.loads(asked.stdout)
    return found


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _commit() -> str:
    """The commit, marked where the tree differs from it; empty without git."""
    try:
        told = subprocess.run(
            ["git", "describe", "--always", "--dirty"],  # noqa: S607
            cwd=ROOT,
            capture_output=True,
            check=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return told.stdout.strip()
