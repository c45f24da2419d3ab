"""A budget of bytes that several threads share."""

import threading


class ByteBudget:
    """Bytes that may be taken up to a limit, and given back; safe for any thread.

    Args:
        size: The limit.
    """

    def __init__(self, size: int) -> None:
        self._left = size
        self._lock = threading.Lock()

    def take(self, size: int) -> bool:
        """Take this many bytes; False, and nothing taken, if fewer are left."""
        with self._lock:
            taken = size <= self._left
            if taken:
                self._left -= size
        return taken

    def give_back(self, size: int) -> None:
        """Return bytes that were taken."""
        with self._lock:
            self._left += size
