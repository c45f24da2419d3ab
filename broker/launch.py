"""From a data folder to a broker that serves."""

import signal
import time
from collections.abc import Mapping, Sequence

from broker import ports
from broker.configuration import properties
from broker.errors import KafkaFailedError, PortTakenError
from broker.folder import DataFolder, new_cluster_id
from broker.process import JavaProcess

# Kafka says so when its listeners are open and its controller lets it serve.
_SERVING = "Kafka Server started"
_TAKEN = "Address already in use"

_START_TIMEOUT_S = 90.0  # 2 s on two idle cores, 4 s after a kill
_POLL_S = 0.05


def launch(
    folder: DataFolder,
    host: str,
    port: int,
    extra: Mapping[str, str],
    *,
    formatting: Sequence[str] = (),
    attempts: int = 5,
) -> tuple[JavaProcess, int]:
    """Start Kafka on the folder, which is formatted if new; returns its process and its port.

    A port that is free when it is chosen may be taken when Kafka listens: then others are tried.

    Args:
        folder: Kafka's folder; no other Kafka may use it.
        host: the address to listen on.
        port: where clients connect; 0 for a free one.
        extra: broker settings that override this package's or are added to them.
        formatting: StorageTool's arguments for a new folder; by default, a new cluster's id.
        attempts: how often to try.

    Raises:
        KafkaFailedError: Kafka ended or didn't come up; no process is left.
        PortTakenError: the host isn't an address of this machine, or others took each port.
        DistributionError: Kafka's jars aren't available.
        OSError: the folder can't be written.
    """
    if not folder.is_formatted():
        _format(folder, host, extra, formatting or ["--cluster-id", new_cluster_id()])
    chosen = port or ports.free_port(host)
    controller_port = ports.free_port(host, other_than=chosen)
    folder.configure(properties(host, chosen, controller_port, folder.records.name, extra))
    try:
        return _serve(folder), chosen
    except PortTakenError:
        if attempts == 1:
            raise
        return launch(folder, host, port, extra, attempts=attempts - 1)  # formatted by now


def failure(event: str, folder: DataFolder, start: int = 0) -> KafkaFailedError:
    """The error that says what happened, with the end of Kafka's log after `start` bytes."""
    return KafkaFailedError(f"{event}.\n{folder.end_of_log(start)}")


def ending(exit_code: int) -> str:
    """How a process ended, in words."""
    return f"killed by {signal.Signals(-exit_code).name}" if exit_code < 0 else f"exit {exit_code}"


def _format(
    folder: DataFolder, host: str, extra: Mapping[str, str], formatting: Sequence[str]
) -> None:
    """Give the records' folder its cluster id: whole, or not at all."""
    folder.discard_unformatted()
    # The ports don't matter.
    folder.configure(properties(host, 1, 2, folder.unformatted.name, extra))
    start = folder.log_bytes()
    arguments = ["format", "--config", "server.properties", *formatting]
    with folder.arguments(arguments) as file:
        java = _run(["kafka.tools.StorageTool", f"@{file}"], folder)
        try:
            exit_code = java.poll(_START_TIMEOUT_S)
        finally:
            java.kill()
    if exit_code != 0:
        how = "too slow" if exit_code is None else ending(exit_code)
        raise failure(f"Kafka's StorageTool did not format {folder.path} ({how})", folder, start)
    folder.unformatted.rename(folder.records)


def _serve(folder: DataFolder) -> JavaProcess:
    """Start the broker and wait until it serves."""
    start = folder.log_bytes()
    java = _run(["kafka.Kafka", "server.properties"], folder)
    try:
        _await_serving(java, folder, start)
    except BaseException:
        java.kill()
        raise
    return java


def _await_serving(java: JavaProcess, folder: DataFolder, start: int) -> None:
    """Return when Kafka says that it serves, in its log after `start` bytes."""
    deadline = time.monotonic() + _START_TIMEOUT_S
    while (exit_code := java.poll(_POLL_S)) is None:
        if _SERVING in folder.log_since(start):
            return
        if time.monotonic() > deadline:
            raise failure(f"Kafka did not come up in {_START_TIMEOUT_S:.0f} s", folder, start)
    if _TAKEN in folder.log_since(start):
        raise PortTakenError("Another program took Kafka's port while it started: try again.")
    raise failure(f"Kafka ended while it started ({ending(exit_code)})", folder, start)


def _run(arguments: list[str], folder: DataFolder) -> JavaProcess:
    return JavaProcess(arguments, folder=folder.path, log=folder.log)
