"""The parts of a Kafka record that are read."""

from collections.abc import Sequence
from typing import Protocol


class Record(Protocol):
    """The parts of a Kafka record that the fold reads."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...
