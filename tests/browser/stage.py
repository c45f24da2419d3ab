"""All of it behind one page: a service of its own on a Kafka, and a gateway in front."""

import os
import shutil
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

from broker.ports import free_port
from support.events import simulated
from support.gateway import Gateway, running_gateway
from support.service import own_names, running_service
from support.waiting import wait_until

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
    _gateway: Gateway | None = None
    _running: ExitStack = field(default_factory=ExitStack)

    def start_gateway(self) -> None:
        """Start the gateway, and wait until it has Kafka."""
        self._gateway = self._running.enter_context(running_gateway(self.environment))

    def kill_gateway(self) -> None:
        """End the gateway at once, if it runs."""
        self._running.close()

    @contextmanager
    def silence(self) -> Iterator[None]:
        """The gateway says nothing meanwhile; its connections stay open."""
        assert self._gateway is not None
        group = self._gateway.process.pid
        os.killpg(group, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(group, signal.SIGCONT)

    @contextmanager
    def events(self, count: int, *options: str) -> Iterator[None]:
        """Made-up events stream in meanwhile."""
        with simulated(self.environment, count, *options):
            yield

    def learn(self, count: int) -> None:
        """Send made-up events, and wait until they are learned."""
        with self.events(count):
            wait_until(lambda: self.asked("describe").get("events") == count)

    def asked(self, path: str) -> dict[str, Any]:
        """What the API answers; nothing where that is an error."""
        token = {"Authorization": f"Bearer {self.environment.get('GATEWAY_TOKEN')}"}
        request = urllib.request.Request(f"{self.address}/v1/ia/{path}", headers=token)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=15) as answer:  # noqa: S310
                document: dict[str, Any] = orjson.loads(answer.read())
                return document
        except urllib.error.HTTPError as error:
            error.close()
            return {}


@contextmanager
def staged(servers: str, **options: str) -> Iterator[Stage]:
    """A stage with topics and groups of its own, where nothing is learned yet.

    The gateway must be installed; ``options`` are variables of its environment.
    """
    port = str(free_port("127.0.0.1"))
    environment = {
        **own_names(servers),
        "GATEWAY_PORT": port,
        **options,
    }
    stage = Stage(environment, f"http://127.0.0.1:{port}")
    with running_service(**environment) as service:
        wait_until(lambda: service.ready)
        try:
            stage.start_gateway()
            yield stage
        finally:
            stage.kill_gateway()
