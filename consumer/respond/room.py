"""Room for so many bytes: what finds none is not taken, whatever it is."""

import threading


class Room:
    """A number of bytes that are there to be taken; any thread may.

    Args:
        size: How many.
    """

    def __init__(self, size: int) -> None:
        self._left = size
        self._lock = threading.Lock()

    def take(self, size: int) -> bool:
        """Take so many bytes, or none where there are fewer."""
        with self._lock:
            taken = size <= self._left
            if taken:
                self._left -= size
        return taken

    def give_back(self, size: int) -> None:
        """Give back what was taken."""
        with self._lock:
            self._left += size
