"""All of it behind one page: a service of its own on a Kafka, and a gateway in front."""

import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from broker.ports import free_port
from service import running_service, wait_until

GATEWAY = Path(__file__).parents[2] / "gateway"
NODE = GATEWAY / "node_modules/.bin/node"

CHROMIUM = shutil.which("chromium")
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(slots=True)
class Stage:
    """A service and its gateway; start the gateway before you look at the page.

    Attributes:
        environment: The variables of every process.
        address: Where the page is.
    """

    environment: dict[str, str]
    address: str
    _gateway: subprocess.Popen[bytes] | None = None

    def start_gateway(self) -> None:
        """Start the gateway, and wait until it has Kafka."""
        self._gateway = subprocess.Popen(
            [NODE, "src/main.ts"],
            cwd=GATEWAY,
            env=os.environ | self.environment,
            stdout=subprocess.DEVNULL,
        )
        wait_until(self._is_healthy)

    def kill_gateway(self) -> None:
        """End the gateway at once, if it runs."""
        if self._gateway is not None:
            self._gateway.kill()
            self._gateway.wait()

    @contextmanager
    def events(self, count: int, *options: str) -> Iterator[None]:
        """Made-up events stream in meanwhile."""
        arguments = ["-m", "producer", "simulate", "--count", str(count), *options]
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env=os.environ | self.environment,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield
        finally:
            process.kill()
            process.wait()

    def learn(self, count: int) -> None:
        """Send made-up events, and wait until they are learned."""
        with self.events(count):
            wait_until(lambda: self.asked("describe").get("events") == count)

    def asked(self, path: str) -> dict[str, float]:
        """What the API answers; nothing where that is an error."""
        try:
            with urllib.request.urlopen(f"{self.address}/v1/ia/{path}", timeout=15) as answer:  # noqa: S310
                document: dict[str, float] = orjson.loads(answer.read())
                return document
        except urllib.error.HTTPError as error:
            error.close()
            return {}

    def _is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/healthz", timeout=5):  # noqa: S310
                return True
        except OSError:
            return False


@contextmanager
def staged(servers: str) -> Iterator[Stage]:
    """A stage with topics and groups of its own, where nothing is learned yet.

    The gateway must be installed.
    """
    own = uuid.uuid4().hex[:8]
    port = str(free_port("127.0.0.1"))
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": servers,
        "APPLICATION_ID": f"riverline-{own}",
        "INSTANCE_ID": "one",
        "EVENTS_TOPIC": f"events-{own}",
        "REQUESTS_TOPIC": f"requests-{own}",
        "REPLIES_TOPIC": f"prediction-replies-{own}",
        "DEAD_LETTER_TOPIC": f"events-{own}.dead-letters",
        "GATEWAY_PORT": port,
    }
    stage = Stage(environment, f"http://127.0.0.1:{port}")
    with running_service(**environment) as service:
        wait_until(lambda: service.ready)
        try:
            stage.start_gateway()
            yield stage
        finally:
            stage.kill_gateway()


def install_gateway() -> None:
    """Install the gateway's packages, unless they are those of its lock."""
    installed, lock = GATEWAY / "node_modules/.package-lock.json", GATEWAY / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        subprocess.run(["npm", "ci"], cwd=GATEWAY, check=True)
