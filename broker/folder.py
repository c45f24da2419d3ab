"""The data folder: Kafka's records, its configuration and its log.

kafka/              the records; exists only once it is completely formatted
kafka.log           Kafka's output, over all its runs
server.properties   written at each start
"""

import fcntl
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from broker.errors import DataFolderError

_TAIL_LINES = 20
_TAIL_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class DataFolder:
    """An existing folder that one Kafka at a time works in."""

    path: Path

    @property
    def log(self) -> Path:
        """The file that Kafka's output goes to."""
        return self.path / "kafka.log"

    @property
    def records(self) -> Path:
        """Kafka's log.dirs."""
        return self.path / "kafka"

    @property
    def unformatted(self) -> Path:
        """Where the records' folder is formatted, to be renamed when that is complete."""
        return self.path / "kafka.unformatted"

    def is_formatted(self) -> bool:
        """Whether the folder has its cluster id: it keeps it for good."""
        return self.records.exists()

    def wait_until_unused(self, *, timeout_s: float) -> None:
        """Return when no other Kafka holds the records: at once, or when a dying one has gone.

        Raises:
            DataFolderError: another Kafka still holds them at the end of the time.
        """
        deadline = time.monotonic() + timeout_s
        while self._is_in_use():
            if time.monotonic() >= deadline:
                raise DataFolderError(f"Another Kafka is using the data folder {self.path}.")
            time.sleep(0.05)

    def _is_in_use(self) -> bool:
        """Whether a Kafka holds its lock (POSIX, as Java's are: we ask for it and let go)."""
        try:
            with (self.records / ".lock").open("r+b") as lock:
                fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def discard_unformatted(self) -> None:
        """Delete what a formatting that was interrupted has left."""
        shutil.rmtree(self.unformatted, ignore_errors=True)

    def configure(self, properties: bytes) -> None:
        """Write `server.properties`."""
        (self.path / "server.properties").write_bytes(properties)

    @contextmanager
    def arguments(self, arguments: Sequence[str]) -> Iterator[str]:
        """A file with the arguments, one per line, readable by us only: it has passwords."""
        file = self.path / "arguments"
        file.touch(mode=0o600)
        file.write_text("\n".join(arguments))
        try:
            yield file.name
        finally:
            file.unlink()

    def log_bytes(self) -> int:
        """The log's size now."""
        return self.log.stat().st_size if self.log.exists() else 0

    def log_since(self, start: int) -> str:
        """What was logged after the log had `start` bytes."""
        with self.log.open("rb") as file:
            file.seek(start)
            return file.read().decode(errors="replace")

    def end_of_log(self, start: int = 0) -> str:
        """The last problems after the log had `start` bytes, under the log's name.

        Without INFO lines and stack frames, unless there is nothing else: a Kafka that fails
        still logs every step of its shutdown after the reason.
        """
        lines = self.log_since(max(start, self.log_bytes() - _TAIL_BYTES)).splitlines()
        telling = [line for line in lines if " INFO " not in line and not line.startswith("\tat ")]
        shown = (telling or lines)[-_TAIL_LINES:]
        return "\n".join([f"The end of {self.log}:", *(f"    {line}" for line in shown)])

    def remove(self) -> None:
        """Delete the folder with all that is in it."""
        shutil.rmtree(self.path)


def new_cluster_id() -> str:
    """An id in Kafka's form, 22 characters of URL-safe base64; never a leading '-'."""
    return "R" + secrets.token_urlsafe(16)[1:]
