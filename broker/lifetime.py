"""Something with `start()` and `stop()`, also usable by `with`."""

from abc import ABC, abstractmethod
from typing import Self


class Lifetime(ABC):
    """Something that runs from `start()` to `stop()`."""

    @abstractmethod
    def start(self) -> None:
        """Run."""

    @abstractmethod
    def stop(self) -> None:
        """End."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
