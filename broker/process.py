"""The Java process, which ends with ours at the latest.

On Linux the kernel kills Java (`PR_SET_PDEATHSIG`, see `tether.py`) when the **thread** that
started it ends, not when the process does.  So each Java is started by a thread of its own which
then waits for it: the thread ends after Java, or when our process ends in any way, `kill -9`
included.  Elsewhere Java outlives a parent that is killed with SIGKILL.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from threading import Thread

from broker import distribution
from broker.configuration import JVM_OPTIONS

_TETHER = Path(__file__).with_name("tether.py")


class JavaProcess:
    """A running main class of Kafka's, in a session of its own: no Ctrl-C of ours reaches it."""

    def __init__(self, arguments: Sequence[str], *, folder: Path, log: Path) -> None:
        """Start Java.

        Args:
            arguments: the main class and its arguments.
            folder: the process's working directory.
            log: the file that the standard output and error are appended to.

        Raises:
            DistributionError: Kafka's jars aren't available.
            OSError: the process can't be started, or the log not be written.
        """
        command = [
            *(sys.executable, "-I", "-S", str(_TETHER), str(os.getpid())),
            *(str(distribution.java()), *JVM_OPTIONS, *arguments),
        ]
        environment = {**os.environ, "CLASSPATH": distribution.class_path()}
        started: Future[subprocess.Popen[bytes]] = Future()
        # A future and not the thread's join(): a signal handler that raises inside join() makes
        # Python 3.11 take the thread for ended.
        self._ended: Future[int] = Future()

        def keep() -> None:
            try:
                with log.open("ab") as output:
                    process = subprocess.Popen(  # noqa: S603  (our own command, no shell)
                        command,
                        cwd=folder,
                        env=environment,
                        stdin=subprocess.DEVNULL,
                        stdout=output,
                        stderr=output,
                        start_new_session=True,
                    )
            except OSError as error:
                started.set_exception(error)
            else:
                started.set_result(process)
                self._ended.set_result(process.wait())

        Thread(target=keep, name="keeper of Java", daemon=True).start()
        self._process = started.result()

    @property
    def pid(self) -> int:
        """Java's process id."""
        return self._process.pid

    def wait(self) -> int:
        """Block until Java ends; its exit code, minus the signal's number if one killed it."""
        return self._ended.result()

    def poll(self, timeout_s: float) -> int | None:
        """The same after at most that time, None if Java still runs."""
        try:
            return self._ended.result(timeout_s)
        except TimeoutError:
            return None

    def stop(self, grace_s: float) -> None:
        """Ask Java to end, even if it is paused; kill it after the grace period."""
        self._process.send_signal(signal.SIGTERM)
        self._process.send_signal(signal.SIGCONT)
        if self.poll(grace_s) is None:
            self.kill()

    def kill(self) -> None:
        """End Java at once (SIGKILL), and return when it is gone."""
        self._process.kill()
        self.wait()
