"""A record of Kafka's, as far as it is read."""

from collections.abc import Sequence
from typing import Protocol


class Record(Protocol):
    """What the fold reads of a Kafka record."""

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
