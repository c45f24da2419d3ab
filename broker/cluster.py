"""Several brokers that form one cluster: to kill, stop and pause each by itself."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from broker.embedded import EmbeddedKafka
from broker.errors import BrokerError, DataFolderError, KafkaFailedError, PortTakenError
from broker.lifetime import Lifetime
from broker.members import Plan, members
from broker.quorum import Addresses
from broker.security import BROKER, Security

_ATTEMPTS = 3
_POLL_S = 0.1


class EmbeddedCluster(Lifetime):
    """Kafka brokers numbered from 1, each a Java of its own, for one thread at a time.

    `start()` it, or enter it with `with`.  Each broker is a controller too: of three any one may be
    gone, of five any two.  A broker that starts again has the ports and the records that it had.
    All end with this process, also when that is killed.
    """

    def __init__(
        self,
        brokers: int = 3,
        *,
        port: int = 0,
        data: Path | str | None = None,
        host: str = "127.0.0.1",
        properties: Mapping[str, str] | None = None,
        security: Security | None = None,
    ) -> None:
        """Configure a cluster; nothing runs yet.

        Args:
            brokers: how many.
            port: where clients connect to broker 1; the others follow, and then, in a secured
                cluster, as many for clients with certificates.  0 for free ones.
            data: a folder for the brokers' folders, created if missing; None for a temporary one.
            host: the address to listen on and to advertise to clients.
            properties: broker settings that override this package's or are added to them.
            security: the keys and passwords of a secured cluster; None for an open one.
        """
        self.security = security
        self.numbers = range(1, brokers + 1)
        self._plan = Plan(brokers, host, port, dict(properties or {}), security)
        self._data = None if data is None else Path(data).absolute()
        self._folder = self._data
        self._addresses: Addresses | None = None
        self._brokers: dict[int, EmbeddedKafka] = {}

    @property
    def bootstrap_servers(self) -> str:
        """HOST:PORT,... of all brokers: of a secured cluster, for clients with a password.

        Raises:
            BrokerError: never started.
        """
        return self._servers("SASL_SSL" if self.security else "PLAINTEXT")

    @property
    def tls_servers(self) -> str:
        """HOST:PORT,... of a secured cluster's brokers, for clients with a certificate.

        Raises:
            BrokerError: never started.
        """
        return self._servers("SSL")

    def broker(self, number: int) -> EmbeddedKafka:
        """One of the brokers, for its `pid`, its `data` folder, or whether it `is_running`.

        Raises:
            BrokerError: there is no such broker, or the cluster isn't started.
        """
        if number not in self._brokers:
            raise BrokerError(f"There is no broker {number} now: start the cluster first.")
        return self._brokers[number]

    def start(self, number: int | None = None) -> None:
        """Start a broker, or all that don't run; return when they serve.

        A single one serves only while most of them run.

        Raises:
            BrokerError: any of its kinds; if a whole cluster was to start, no process is left.
        """
        if number is not None:
            self.broker(number).start()
            return
        try:
            self._start_all()
        except KafkaFailedError:
            self.kill()
            raise  # a temporary folder stays, for its logs
        except OSError as error:
            self.stop()
            raise DataFolderError(
                f"The folders of the cluster can't be used ({error.strerror}: {error.filename})."
            ) from error
        except BaseException:
            self.stop()
            raise

    def stop(self, number: int | None = None) -> None:
        """Stop a broker in order (SIGKILL after 15 s), or all, and remove a temporary folder.

        All together take 5 s, as the last ones look for a quorum to sign off with.
        """
        if number is not None:
            self.broker(number).stop()
            return
        if self._data is None:
            self.kill()  # a temporary folder is removed: an orderly stop is not needed
        _at_once(EmbeddedKafka.stop, self._brokers.values())
        self._brokers = {}
        if self._data is None and self._folder is not None:
            shutil.rmtree(self._folder)
            self._folder = None

    def kill(self, number: int | None = None) -> None:
        """End a broker at once (SIGKILL), or all; their records stay for the next `start()`."""
        brokers = self._brokers.values() if number is None else [self.broker(number)]
        _at_once(EmbeddedKafka.kill, brokers)

    def pause(self, number: int) -> None:
        """Pause a broker (SIGSTOP): to the others it looks disconnected.

        Raises:
            BrokerError: it isn't running.
        """
        self._signal(number, signal.SIGSTOP)

    def resume(self, number: int) -> None:
        """Let a paused broker go on (SIGCONT).

        Raises:
            BrokerError: it isn't running.
        """
        self._signal(number, signal.SIGCONT)

    def wait_until_in_sync(self, *, timeout_s: float = 60) -> None:
        """Return when all brokers serve, and each partition has a leader and all its replicas.

        Raises:
            BrokerError: a broker isn't running.
            KafkaFailedError: it takes too long; the message says what is missing.
        """
        from broker import insync  # noqa: PLC0415  (kafka-python: `python -m broker` needs none)

        for number in self.numbers:
            self._signal(number, 0)
        insync.wait_until_in_sync(self._client(), timeout_s=timeout_s)

    def endings(self) -> Iterator[KafkaFailedError]:
        """Yield how each broker ended by itself; blocks until none is left."""
        left = list(self._brokers.values())
        while left:
            for broker in [broker for broker in left if not broker.is_running]:
                left.remove(broker)
                try:
                    broker.wait()
                except KafkaFailedError as failure:
                    yield failure
            time.sleep(_POLL_S)

    def _start_all(self) -> None:
        for attempt in range(_ATTEMPTS):
            if not self._brokers:
                self._prepare()
            try:
                _at_once(
                    EmbeddedKafka.start,
                    [broker for broker in self._brokers.values() if not broker.is_running],
                )
            except PortTakenError:
                # Another program took a port before Kafka started: choose others.
                if self._plan.port or attempt == _ATTEMPTS - 1:
                    raise
                self.kill()
                self._brokers = {}
            else:
                return

    def _prepare(self) -> None:
        """Choose the ports, and make the folders with all that the brokers need."""
        self._folder = self._folder or Path(tempfile.mkdtemp(prefix="riverline-kafka-"))
        self._addresses = self._plan.addresses()
        self._brokers = members(self._folder, self._plan, self._addresses)
        if self.security:
            self.security.publish(self.bootstrap_servers, self.tls_servers)

    def _servers(self, listener: str) -> str:
        if self._addresses is None:
            raise BrokerError("This cluster has no addresses yet: start it first.")
        return self._addresses.servers(listener)

    def _signal(self, number: int, which: int) -> None:
        """Send a signal to a broker, which must be running; 0 sends none."""
        if not self.broker(number).is_running:
            raise BrokerError(f"Broker {number} isn't running: start it first.")
        os.kill(self.broker(number).pid, which)

    def _client(self) -> dict[str, Any]:
        """kafka-python's options, for a user that may describe everything."""
        if not self.security:
            return {"bootstrap_servers": self.bootstrap_servers}
        environment = self.security.tls_environment(BROKER, self.tls_servers)
        return {name.removeprefix("KAFKA_").lower(): it for name, it in environment.items()}


def _at_once(act: Callable[[EmbeddedKafka], None], brokers: Iterable[EmbeddedKafka]) -> None:
    """Do it to all brokers at the same time; raise the first's error when all are done."""
    waiting = list(brokers)
    if waiting:
        with ThreadPoolExecutor(len(waiting)) as executor:
            results = [executor.submit(act, broker) for broker in waiting]
        for result in results:
            result.result()
