"""Fuzz all targets in turn, or those that are named: `make fuzz`.

Each runs in a process of its own, for so many seconds or until it finds something. What it finds
is a file in `findings/`; what it learns on the way stays in `.fuzz/`, for the next time.
"""

import json
import os
import random
import re
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent
CORPUS: Final = HERE / "corpus"
FINDINGS: Final = HERE / "findings"
LEARNED: Final = ROOT / ".fuzz"
NAMES: Final = ("event", "mapping", "request", "batch", "snapshot")

PULSE: Final = re.compile(r"^#(\d+)\t.* cov: (\d+) .*exec/s: (\d+)")
LIMITS: Final = ("-timeout=20", "-rss_limit_mb=1024", "-max_len=65536", "-report_slow_units=60")
EDGES: Final[tuple[Any, ...]] = (
    *(None, True, "", "x", [], {}, [[]], 0, 1, -1, 64, 0.0, -0.0, 0.5),
    *(2**31, 2**63, 2**64 - 1, -(2**63), 1e12, 1e308, 5e-324, -1e308),
)
STEP_SECONDS: Final = 5.0


def main() -> int:
    """The exit code: 1 where something was found."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(NAMES))
    parser.add_argument("--seconds", type=int, default=450, help="for each target")
    parser.add_argument("--inside", action="store_true", help="(in the process of one target)")
    options, rest = parser.parse_known_args()
    if options.inside:
        fuzz(options.targets[0], rest)
    if unknown := set(options.targets) - set(NAMES):
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    FINDINGS.mkdir(exist_ok=True)
    found = [watch(name, options.seconds) for name in options.targets or NAMES]
    return int(any(found))


def watch(name: str, seconds: int) -> bool:
    """Fuzz a target in a process of its own, and tell how it goes; whether it found something."""
    learned = LEARNED / name
    learned.mkdir(parents=True, exist_ok=True)
    before = set(FINDINGS.iterdir())
    command = [
        *(sys.executable, "-W", "ignore", __file__, name, "--inside", str(learned)),
        *(str(CORPUS / name), f"-artifact_prefix={FINDINGS}/{name}-"),
        *(f"-max_total_time={seconds}", f"-dict={HERE / 'words.dict'}", *LIMITS),
    ]
    paths = [str(ROOT), str(ROOT / "tests"), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        last = list(_told(name, process.stdout))[-40:]
    files = sorted(set(FINDINGS.iterdir()) - before)
    if process.returncode:
        print("\n".join(last))
        print(f"{name}: FOUND {', '.join(map(str, files)) or 'nothing to keep'}")
    return process.returncode != 0


def _told(name: str, lines: Iterator[str]) -> Iterator[str]:
    """A line of progress every few seconds, and the last one of all; the other lines come out."""
    due, pulse = 0.0, ""
    for line in lines:
        if match := PULSE.match(line):
            executions, edges, speed = match.groups()
            pulse = f"{name}: {executions} executions, {edges} edges, {speed} a second"
            if time.monotonic() > due:
                print(pulse, end="\r", flush=True)
                due = time.monotonic() + STEP_SECONDS
        else:
            yield line.rstrip()
    print(pulse)


def fuzz(name: str, arguments: list[str]) -> None:
    """Let libFuzzer run the target in this process, which ends with it."""
    import atheris  # noqa: PLC0415 - only here; and before what it looks into

    with atheris.instrument_imports(include=["consumer", "contract", "kafka.record"]):
        from fuzz.targets import TARGETS  # noqa: PLC0415

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        changed = mutate_json(data, random.Random(seed))  # noqa: S311 - the fuzzer's seed
        if changed is None or len(changed) > most:
            return bytes(atheris.Mutate(data, most))
        return changed

    atheris.Setup([sys.argv[0], *arguments], TARGETS[name], custom_mutator=mutate)
    atheris.Fuzz()


def mutate_json(data: bytes, chance: random.Random) -> bytes | None:
    """The document with one of its values changed, half the time; None where it is none.

    Few changes of bytes leave a document one: by themselves they would not get beyond its parser.
    """
    if chance.random() < 0.5 or not data.startswith(b"{"):  # noqa: PLR2004 - half
        return None
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    places = list(_places(document))
    if not places:
        return None
    holder, key = chance.choice(places)
    match chance.randrange(4):
        case 0:
            del holder[key]
        case 1:
            other, there = chance.choice(places)
            holder[key] = other[there]
        case _:
            holder[key] = chance.choice(EDGES)
    try:
        return json.dumps(document, separators=(",", ":")).encode()
    except (ValueError, RecursionError):  # it holds itself
        return None


def _places(value: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401 - JSON
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


if __name__ == "__main__":
    sys.exit(main())
