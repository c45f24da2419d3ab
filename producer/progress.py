"""A progress bar while events are sent."""

import sys
import threading
from collections.abc import Callable
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} events/s" if speed else "", style="progress.data.speed")


class Bar:
    """Shows, ten times a second, how many of the events are acknowledged.

    Args:
        total: How many there are.
        acknowledged: Returns how many are.
    """

    def __init__(self, total: int, acknowledged: Callable[[], int]) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeElapsedColumn(),
            console=Console(file=sys.stderr),
        )
        self._acknowledged = acknowledged
        self._task = self._progress.add_task("sending", total=total)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._progress.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self._show()
        self._progress.stop()

    def _run(self) -> None:
        while not self._done.wait(0.1):
            self._show()

    def _show(self) -> None:
        self._progress.update(self._task, completed=self._acknowledged())
