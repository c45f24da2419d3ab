"""The real gateway in a process of its own, as `npm start` starts it."""

import fcntl
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from broker.ports import free_port
from support.waiting import wait_until

GATEWAY = Path(__file__).parents[1] / "gateway"
JSON = {"Content-Type": "application/json"}
LINES = {"Content-Type": "application/x-ndjson"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
EVENT = {"tv": 230.1, "radio": 37.8, "newspaper": 75.6, "sales": 22.1}


class GatewayError(Exception):
    """The gateway did not start, or answered what it never may."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response.

    Attributes:
        status: Its status.
        headers: Its headers, their names in lower case.
        text: Its body.
    """

    status: int
    headers: dict[str, str]
    text: str

    @property
    def document(self) -> Any:  # noqa: ANN401 - JSON
        """The body, read as JSON."""
        return json.loads(self.text)

    @property
    def code(self) -> str:
        """The code of a problem."""
        problem = self.document
        found = (self.headers["content-type"].partition(";")[0], problem["status"])
        if found != ("application/problem+json", self.status):
            raise GatewayError(f"expected a problem of status {self.status}, found {found}")
        return str(problem["code"])


class Connection:
    """A connection that is kept; for one thread at a time."""

    def __init__(self, port: int) -> None:
        self._http = HTTPConnection("127.0.0.1", port, timeout=30)

    def send(
        self,
        method: str,
        path: str,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request, and wait for its answer.

        Raises:
            OSError: Nobody listens, or the connection was cut.
            HTTPException: It was closed before an answer came.
        """
        self._http.request(method, path, body, dict(headers or {}))
        response = self._http.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, found, response.read().decode())

    def close(self) -> None:
        """Close it."""
        self._http.close()


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway process.

    Attributes:
        port: Where it listens.
        process: The process, for signals.
        log: The file with what it says.
    """

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def send(
        self,
        method: str,
        path: str,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request on a connection of its own."""
        connection = Connection(self.port)
        try:
            return connection.send(method, path, body, headers)
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        """GET, on a connection of its own."""
        return self.send("GET", path, headers=headers)

    def post(self, path: str, document: object) -> Answer:
        """POST a document as JSON, on a connection of its own."""
        return self.send("POST", path, json.dumps(document), JSON)

    @property
    def healthy(self) -> bool:
        """Whether /healthz says so."""
        try:
            return self.get("/healthz").status == HTTPStatus.OK
        except (OSError, HTTPException):
            return False

    def stop(self) -> int:
        """SIGTERM, then its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


@contextmanager
def running_gateway(environment: Mapping[str, str], *, wait: bool = True) -> Iterator[Gateway]:
    """Start a gateway with these variables; at the end it is ended if it still runs."""
    wanted = environment.get("GATEWAY_PORT", "")
    port = int(wanted) if wanted.isdecimal() else free_port("127.0.0.1")
    with tempfile.NamedTemporaryFile(suffix=".log") as log:
        process = subprocess.Popen(
            ["npm", "start"],
            cwd=GATEWAY,
            env={**os.environ, "GATEWAY_PORT": str(port), **environment},
            stdout=log,
            stderr=log,
            start_new_session=True,  # npm and Node are ended together
        )
        gateway = Gateway(port, process, Path(log.name))
        try:
            if wait:
                wait_until(lambda: gateway.healthy or process.poll() is not None)
                if process.poll() is not None:
                    raise GatewayError(gateway.log.read_text())
            yield gateway
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            print(gateway.log.read_text())  # pytest shows it of a failed test


def install() -> None:
    """Install the gateway's packages, unless they are those of its lock; one process at a time."""
    installed, lock = GATEWAY / "node_modules/.package-lock.json", GATEWAY / "package-lock.json"
    with lock.open() as mine:
        fcntl.flock(mine, fcntl.LOCK_EX)
        if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
            subprocess.run(["npm", "ci"], cwd=GATEWAY, check=True)
