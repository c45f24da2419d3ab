"""The embedded broker: start, stop, kill, start again."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from broker import ports
from broker.errors import BrokerError, DataFolderError, KafkaFailedError
from broker.folder import DataFolder
from broker.launch import ending, failure, launch
from broker.lifetime import Lifetime
from broker.process import JavaProcess

_STOP_GRACE_S = 15.0  # 0.3 s on two idle cores
_DYING_S = 2.0  # how long the previous Java may take to end


class EmbeddedKafka(Lifetime):
    """One Kafka broker, for one thread at a time: `start()` it, or enter it with `with`.

    Its records are in the folder `data` and survive stops and crashes; without one, in a temporary
    folder that `stop()` removes (a Kafka that failed leaves it, for its log).  A port of 0 is
    chosen at the first start, and stays.  Java dies with this process, also when that is killed.
    """

    def __init__(
        self,
        port: int = 0,
        data: Path | str | None = None,
        host: str = "127.0.0.1",
        properties: Mapping[str, str] | None = None,
        *,
        formatting: Sequence[str] = (),
    ) -> None:
        """Configure a broker; nothing runs yet.

        Args:
            port: where clients connect; 0 for a free one.
            data: the data folder, created if missing; None for a temporary one.
            host: the address to listen on and to advertise to clients.
            properties: broker settings that override this package's or are added to them.
            formatting: StorageTool's arguments for a new folder; by default, a new cluster's id.
        """
        self._host = host
        self._port = port
        self._properties = dict(properties or {})
        self._formatting = formatting
        self._data = None if data is None else Path(data).absolute()
        self._folder: DataFolder | None = None
        self._java: JavaProcess | None = None

    @property
    def bootstrap_servers(self) -> str:
        """HOST:PORT for clients; the port is 0 until the first start has chosen it."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{host}:{self._port}"

    @property
    def is_running(self) -> bool:
        """Whether its Java runs now, be it paused."""
        return self._java is not None and self._java.poll(0) is None

    @property
    def pid(self) -> int:
        """The process id of Java: to pause, kill or measure it.

        Raises:
            BrokerError: never started, or stopped.
        """
        return self._running()[0].pid

    @property
    def data(self) -> Path:
        """The folder with Kafka's records, configuration and log (`kafka.log`).

        Raises:
            BrokerError: it is a temporary one, and there is none now.
        """
        if self._data is not None:
            return self._data
        if self._folder is None:
            raise BrokerError("This Kafka has no data folder now: start it first.")
        return self._folder.path

    def start(self) -> None:
        """Start Kafka and return when it serves; again after `stop()`, `kill()` or a crash.

        Raises:
            BrokerError: any of its kinds; no process is left running.
        """
        # If another process has just killed it, it may still be ending: that is not a fault.
        if self._java is not None and self._java.poll(_DYING_S) is None:
            raise BrokerError(f"This Kafka is running already, on {self.bootstrap_servers}.")
        ports.wait_until_free(self._host, self._port, timeout_s=_DYING_S)
        new = self._folder is None
        try:
            self._launch()
        except KafkaFailedError:
            raise  # a temporary folder stays, for its log
        except BaseException:
            if new:
                self.stop()
            raise

    def stop(self) -> None:
        """Stop Kafka in order (SIGKILL after 15 s) and remove the folder if it is temporary."""
        if self._java is not None:
            self._java.stop(_STOP_GRACE_S)
            self._java = None
        if self._folder is not None and self._data is None:
            self._folder.remove()
        self._folder = None

    def kill(self) -> None:
        """End Kafka at once (SIGKILL); its records stay for the next `start()`."""
        if self._java is not None:
            self._java.kill()

    def wait(self) -> None:
        """Block until Kafka ends by itself.

        Raises:
            KafkaFailedError: always: it says how Kafka ended, and shows the end of its log.
            BrokerError: never started, or stopped.
        """
        java, folder = self._running()
        raise failure(f"Kafka ended by itself ({ending(java.wait())})", folder)

    def _launch(self) -> None:
        try:
            self._folder = self._folder or self._make_folder()
            self._folder.wait_until_unused(timeout_s=_DYING_S)
            self._java, self._port = launch(
                *(self._folder, self._host, self._port, self._properties),
                formatting=self._formatting,
            )
        except OSError as error:
            where = f"data folder {self._data}" if self._data else "temporary folder"
            raise DataFolderError(f"The {where} can't be used ({error.strerror}).") from error

    def _running(self) -> tuple[JavaProcess, DataFolder]:
        if self._java is None or self._folder is None:
            raise BrokerError("This Kafka isn't running: start it first.")
        return self._java, self._folder

    def _make_folder(self) -> DataFolder:
        if self._data is None:
            return DataFolder(Path(tempfile.mkdtemp(prefix="riverline-kafka-")))
        self._data.mkdir(parents=True, exist_ok=True)
        return DataFolder(self._data)
