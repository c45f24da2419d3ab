"""The real service in a process of its own, seen as users see it."""

import os
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from broker.ports import free_port

LEARNED = 'riverline_events_total{outcome="learned"}'


@dataclass(frozen=True, slots=True)
class Service:
    """A consumer process, seen over its HTTP port.

    Attributes:
        address: Where /metrics, /livez and /readyz are.
        process: The process, for signals.
        log: The file with what it says.
    """

    address: str
    process: subprocess.Popen[bytes]
    log: Path

    def status(self, path: str) -> int:
        """The HTTP status of a path; 0 if nothing listens."""
        try:
            with urllib.request.urlopen(f"{self.address}{path}", timeout=5) as page:  # noqa: S310
                return int(page.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except OSError:
            return 0

    def page(self, path: str) -> str:
        """What a path says, whatever its status."""
        try:
            with urllib.request.urlopen(f"{self.address}{path}", timeout=5) as page:  # noqa: S310
                return str(page.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return error.read().decode()

    @property
    def ready(self) -> bool:
        """Whether /readyz says so."""
        return self.status("/readyz") == 200  # noqa: PLR2004 - HTTP's

    def metric(self, name: str) -> float:
        """The value of a metric, named with its labels as it is exposed; 0 where it is not."""
        with urllib.request.urlopen(f"{self.address}/metrics", timeout=5) as page:  # noqa: S310
            for line in page.read().decode().splitlines():
                if line.rpartition(" ")[0] == name:
                    return float(line.rpartition(" ")[2])
        return 0.0

    @property
    def runs(self) -> bool:
        """Whether the process has not ended."""
        return self.process.poll() is None

    def stop(self) -> int:
        """SIGTERM, then its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


def own_names(servers: str, own: str = "") -> dict[str, str]:
    """A service's environment on this Kafka: with its own topics and groups."""
    own = own or uuid.uuid4().hex[:8]
    return {
        "KAFKA_BOOTSTRAP_SERVERS": servers,
        "APPLICATION_ID": f"riverline-{own}",
        "INSTANCE_ID": "one",
        "EVENTS_TOPIC": f"events-{own}",
        "REQUESTS_TOPIC": f"prediction-requests-{own}",
        "REPLIES_TOPIC": f"prediction-replies-{own}",
        "DEAD_LETTER_TOPIC": f"events-{own}.dead-letters",
    }


def start_service(
    environment: Mapping[str, str], log: Path, command: Sequence[str] = ("-m", "consumer")
) -> Service:
    """Start a consumer, or what stands in for it, on a free port; the log is appended to."""
    port = free_port("127.0.0.1")
    with log.open("ab") as said:
        process = subprocess.Popen(
            [sys.executable, *command],
            env={**os.environ, "HTTP_PORT": str(port), **environment},
            stdout=said,
            stderr=said,
            start_new_session=True,  # as its peers: the kernel shares the cores out by session
        )
    return Service(f"http://127.0.0.1:{port}", process, log)


@contextmanager
def running_service(*, module: str = "consumer", **environment: str) -> Iterator[Service]:
    """Start a consumer with these variables; at the end it is killed if it still runs.

    Args:
        module: What Python runs.
        environment: The variables, beside those of this process.
    """
    with tempfile.NamedTemporaryFile(suffix=".log") as log:
        service = start_service(environment, Path(log.name), ("-m", module))
        try:
            yield service
        finally:
            service.process.kill()
            service.process.wait()
